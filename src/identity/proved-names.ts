import type { Clock, Limits } from "../core/index.js";
import type { Table } from "../storage/table.js";
import { LookAlikes } from "./look-alikes.js";

/** Names that were proved, remembered for `provedNameMs` and over a restart: nobody may claim them without proof. */
export class ProvedNames {
  // bound: provedNamesMax · evicts: the name that has not been proved for longest; any after provedNameMs · owner:
  // ProvedNames
  readonly #until = new Map<string, number>();
  /** The same names, by what they look like. */
  readonly looks = new LookAlikes();
  readonly #limits: Pick<Limits, "provedNameMs" | "provedNamesMax">;
  readonly #clock: Clock;
  /** Wall clock until when, by name; undefined where nothing is kept. */
  #table: Table<number> | undefined;

  constructor(limits: Pick<Limits, "provedNameMs" | "provedNamesMax">, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Restores the names in `table`, and keeps new ones there from now on. */
  load(table: Table<number>): void {
    this.#table = table;
    const ago = this.#clock.monotonic() - this.#clock.now();
    const known = [...table.range("", "\uffff")].sort(([, one], [, other]) => one - other);
    for (const [name, until] of known) {
      this.#until.set(name, Math.min(until + ago, this.#clock.monotonic() + this.#limits.provedNameMs));
      this.looks.add(name);
    }
    this.#forget();
  }

  /** Remembers a name; `kept`: over a restart, too. */
  add(name: string, kept: boolean): void {
    const { provedNameMs } = this.#limits;
    if (!this.#until.delete(name)) this.looks.add(name);
    this.#until.set(name, this.#clock.monotonic() + provedNameMs);
    // The owner of the tables reports a failed write; the name is then remembered until the broker stops.
    if (kept) this.#table?.put(name, this.#clock.now() + provedNameMs).catch(() => undefined);
    this.#forget();
  }

  has(name: string): boolean {
    const until = this.#until.get(name);
    return until !== undefined && this.#clock.monotonic() < until;
  }

  /** True when a name may have been forgotten before its time, or the next one will be. */
  get mayHaveForgotten(): boolean {
    return this.size >= this.#limits.provedNamesMax;
  }

  /** Names remembered now. */
  get size(): number {
    this.#forget();
    return this.#until.size;
  }

  /** Removes what is too old or too much. The oldest come first, so the loop stops at the first that stays. */
  #forget(): void {
    const now = this.#clock.monotonic();
    for (const [name, until] of this.#until) {
      if (now < until && this.#until.size <= this.#limits.provedNamesMax) return;
      this.#until.delete(name);
      this.looks.delete(name);
      this.#table?.delete(name).catch(() => undefined);
    }
  }
}

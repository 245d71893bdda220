import type { Clock, Limits } from "../core/index.js";
import type { Table } from "../storage/table.js";

/** Names that were seen proved, for a while, over a restart, too: nobody may claim them without proof meanwhile. */
export class ProvedNames {
  // bound: provedNamesMax · evicts: the name that has not been proved for longest; any after provedNameMs · owner:
  // ProvedNames
  readonly #until = new Map<string, number>();
  readonly #limits: Pick<Limits, "provedNameMs" | "provedNamesMax">;
  readonly #clock: Clock;
  /** Wall clock until when, by name; undefined where nothing is kept. */
  #table: Table<number> | undefined;

  constructor(limits: Pick<Limits, "provedNameMs" | "provedNamesMax">, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Remembers what `table` knows, and keeps it there from now on. */
  load(table: Table<number>): void {
    this.#table = table;
    const ago = this.#clock.monotonic() - this.#clock.now();
    const known = [...table.range("", "\uffff")].sort(([, one], [, other]) => one - other);
    for (const [name, until] of known)
      this.#until.set(name, Math.min(until + ago, this.#clock.monotonic() + this.#limits.provedNameMs));
    this.#forget();
  }

  /** `kept`: over a restart. */
  add(name: string, kept: boolean): void {
    const { provedNameMs } = this.#limits;
    this.#until.delete(name);
    this.#until.set(name, this.#clock.monotonic() + provedNameMs);
    // What cannot be kept is told by whoever keeps the tables, and is remembered until the broker stops.
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

  /** The oldest stand first, so looking stops at the first that stays. */
  #forget(): void {
    const now = this.#clock.monotonic();
    for (const [name, until] of this.#until) {
      if (now < until && this.#until.size <= this.#limits.provedNamesMax) return;
      this.#until.delete(name);
      this.#table?.delete(name).catch(() => undefined);
    }
  }
}

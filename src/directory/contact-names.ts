import type { Clock, Limits } from "../core/index.js";
import type { Table } from "../storage/table.js";

/** When a name was last here: wall clock, milliseconds. */
export type SeenRow = number;

/** What is on disk is renewed when it is so much older. */
const refreshMs = 24 * 60 * 60 * 1_000;

/**
 * Names of agents that are treated alike while they are away: those that have to do with approved contacts only, since a
 * stranger would learn from the answer whether one is here, and those whose mail nobody keeps. Each is remembered for
 * `provedNameMs` since it was last here.
 */
export class ContactNames {
  /** In the order in which they were here, each with when that is kept on disk. */
  // bound: contactNamesMax, of 128 bytes each · evicts: the one that was here longest ago; any after provedNameMs ·
  // owner: ContactNames
  readonly #seen = new Map<string, { at: number; keptAt: number }>();
  readonly #limits: Pick<Limits, "contactNamesMax" | "provedNameMs">;
  readonly #clock: Pick<Clock, "now">;
  #table: Table<SeenRow> | undefined;

  constructor(limits: Pick<Limits, "contactNamesMax" | "provedNameMs">, clock: Pick<Clock, "now">) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Restores what is in `table`, and keeps names there from now on. */
  load(table: Table<SeenRow>): void {
    this.#table = table;
    const now = this.#clock.now();
    const rows = [...table.range("", "\uffff")].map(([name, at]) => ({ name, at: Math.min(at, now) }));
    for (const { name, at } of rows.sort((one, other) => one.at - other.at)) this.#seen.set(name, { at, keptAt: at });
    this.#sweep();
  }

  get size(): number {
    return this.#seen.size;
  }

  has(name: string): boolean {
    const known = this.#seen.get(name);
    return known !== undefined && this.#clock.now() - known.at < this.#limits.provedNameMs;
  }

  /** An agent of this name is here. What the disk does not take is reported by the owner of the table. */
  saw(name: string): void {
    const at = this.#clock.now();
    let keptAt = this.#seen.get(name)?.keptAt ?? 0;
    if (at - keptAt >= refreshMs) {
      keptAt = at;
      this.#table?.put(name, at).catch(() => undefined);
    }
    this.#seen.delete(name);
    this.#seen.set(name, { at, keptAt });
    this.#sweep();
  }

  /** @returns false if it was not remembered @throws Fault unavailable, as a rejection */
  async forget(name: string): Promise<boolean> {
    const known = this.#seen.delete(name);
    if (known || this.#table?.get(name) !== undefined) await this.#table?.delete(name);
    return known;
  }

  #sweep(): void {
    const { contactNamesMax, provedNameMs } = this.#limits;
    const now = this.#clock.now();
    for (const [name, { at }] of this.#seen) {
      if (this.#seen.size <= contactNamesMax && now - at < provedNameMs) return;
      this.#seen.delete(name);
      this.#table?.delete(name).catch(() => undefined);
    }
  }
}

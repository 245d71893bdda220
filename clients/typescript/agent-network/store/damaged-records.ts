import type { Change } from "./store.js";

/** What a damaged record of each table was, and what it costs. */
const costs: Readonly<Record<string, readonly [what: string, cost: string]>> = {
  peers: ["pinned peers", "they are refused until the application accepts their keys, or forgets them"],
  "used-keys": ["used keys of peers", "an old handshake that is shown again may be answered"],
  processed: ["ids of processed messages", "such a message may be processed once more"],
  kept: ["messages that waited to be delivered", "they are lost: say them again"],
  transcript: ["entries of the transcript", "they are left out"],
};

/**
 * Records whose tag is wrong: damaged, or put there from another place or another store (Agent Network §14.5). Each is
 * told once.
 */
export class DamagedRecords {
  readonly #tell: ((problem: Error) => void) | undefined;
  // bound: records of the store · evicts: when it is written anew or removed · owner: DamagedRecords
  readonly #names = new Map<string, Set<string>>();

  /** @param tell hears of them; without it {@link found} throws */
  constructor(tell: ((problem: Error) => void) | undefined) {
    this.#tell = tell;
  }

  /** These were found while a table was read. @throws Error where nobody is told */
  found(table: string, names: readonly string[]): void {
    const known = this.#names.get(table) ?? new Set<string>();
    const fresh = names.filter((name) => !known.has(name));
    if (fresh.length === 0) return;
    const [what, cost] = costs[table] ?? [`records of ${table}`, "they are left out"];
    const problem = new Error(
      `the store is damaged, or was changed; ${what} that cannot be read: ${fresh.length}; ${cost}, or put a copy of the ` +
        "store back",
    );
    if (this.#tell === undefined) throw problem;
    for (const name of fresh) known.add(name);
    this.#names.set(table, known);
    this.#tell(problem);
  }

  /** None was ever found. */
  get isEmpty(): boolean {
    return this.#names.size === 0;
  }

  has(table: string, name: string): boolean {
    return this.#names.get(table)?.has(name) === true;
  }

  of(table: string): readonly string[] {
    return [...(this.#names.get(table) ?? [])];
  }

  /** These are whole again, or gone. */
  written(changes: readonly Change[]): void {
    if (this.#names.size === 0) return;
    for (const { table, key } of changes) this.#names.get(table)?.delete(key);
  }
}

import type { Change, NetworkStore, Range } from "./store.js";

/** A store that is gone with the process; the reference for all others. */
export class MemoryStore implements NetworkStore {
  readonly isDurable = false;
  // bound: the tables of a client, fewer than ten · evicts: never · owner: MemoryStore
  readonly #tables = new Map<string, Map<string, Uint8Array>>();

  read(table: string, range: Range = {}): Promise<readonly (readonly [string, Uint8Array])[]> {
    return Promise.resolve(inRange([...(this.#tables.get(table) ?? [])], range));
  }

  commit(changes: readonly Change[]): Promise<void> {
    for (const { table, key, value } of changes) {
      const rows = this.#tables.get(table) ?? new Map<string, Uint8Array>();
      this.#tables.set(table, rows);
      if (value === undefined) rows.delete(key);
      else rows.set(key, value.slice());
    }
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#tables.clear();
    return Promise.resolve();
  }
}

/** Those of rows that a range names, in the order of their keys. */
function inRange<Row extends readonly [string, unknown]>(rows: readonly Row[], range: Range): readonly Row[] {
  const { after, before, limit = Infinity, reverse = false } = range;
  const inside = rows
    .filter(([key]) => (after === undefined || key > after) && (before === undefined || key < before))
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return (reverse ? inside.reverse() : inside).slice(0, limit);
}

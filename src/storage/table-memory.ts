import { mustHaveRoom, type RangePart, type Table, type TableChange, type Tables } from "./table.js";

/** Tables in memory. Values are copied in and out, as a table on disk would. */
export class TablesMemory implements Tables {
  // bound: tablesMax · evicts: one more is refused as full · owner: TablesMemory
  readonly #tables = new Map<string, TableMemory<unknown>>();

  table<V>(namespace: string): Table<V> {
    let table = this.#tables.get(namespace);
    if (table === undefined) {
      mustHaveRoom(this.#tables.size, namespace);
      table = new TableMemory<unknown>();
      this.#tables.set(namespace, table);
    }
    return table as Table<V>; // the owner of a namespace decides what it holds
  }

  close(): Promise<void> {
    this.#tables.clear();
    return Promise.resolve();
  }
}

/** One ordered table. A change is visible at once; its promise says that it is kept. */
class TableMemory<V> implements Table<V> {
  // bound: what its owner puts in; the owner states its limit · evicts: nothing by itself · owner: the service or
  // dialect of the namespace
  readonly #values = new Map<string, V>();
  /** Keys in order of code units; undefined while it must be sorted anew. */
  #keys: readonly string[] | undefined;

  get(key: string): V | undefined {
    const value = this.#values.get(key);
    return value === undefined ? undefined : structuredClone(value);
  }

  put(key: string, value: V): Promise<void> {
    return this.batch([{ put: key, value }]);
  }

  delete(key: string): Promise<void> {
    return this.batch([{ delete: key }]);
  }

  *range(from: string, to: string, part: RangePart = {}): Iterable<readonly [string, V]> {
    const keys = (this.#keys ??= [...this.#values.keys()].sort());
    const { limit = Infinity, reverse = false } = part;
    const [first, end] = [firstAtLeast(keys, from), firstAtLeast(keys, to)];
    for (let nth = 0; nth < Math.min(limit, end - first); nth += 1) {
      const key = keys[reverse ? end - 1 - nth : first + nth];
      const value = key === undefined ? undefined : this.get(key);
      if (key !== undefined && value !== undefined) yield [key, value];
    }
  }

  // Not an async function: what cannot be kept is refused before anything has changed, what can is visible on return.
  batch(changes: readonly TableChange<V>[]): Promise<void> {
    let copies: readonly TableChange<V>[];
    try {
      copies = changes.map((change) =>
        "put" in change ? { put: change.put, value: structuredClone(change.value) } : change,
      );
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
    for (const change of copies) {
      if ("put" in change) {
        if (!this.#values.has(change.put)) this.#keys = undefined;
        this.#values.set(change.put, change.value);
      } else if (this.#values.delete(change.delete)) this.#keys = undefined;
    }
    return Promise.resolve();
  }
}

/** Where in `keys` the first one ≥ `from` stands. */
function firstAtLeast(keys: readonly string[], from: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? "") < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

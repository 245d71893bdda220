import { TablesMemory, type Table, type TableChange } from "../../src/storage/index.js";

/** A table whose disk is slow: while it is held, what is written waits until the test lets it through, or fails. */
export interface GatedTable<V> {
  readonly table: Table<V>;
  /** Every change that was asked for since it was read last, as `put KEY` or `delete KEY`. */
  written(): readonly string[];
  /** From now on what is written waits. */
  hold(): void;
  /** Lets all that waits reach the disk; from now on nothing waits. */
  open(): Promise<void>;
  /** What waits cannot be kept; with `count` only so many, those that wait longest. */
  fail(thrown: Error, count?: number): Promise<void>;
}

/** A gated table in memory, empty and open. */
export function gatedTable<V>(): GatedTable<V> {
  const inner = new TablesMemory().table<V>("gated");
  let written: string[] = [];
  let waiting: ((failed?: Error) => void)[] = [];
  let isHeld = false;
  const batch = (changes: readonly TableChange<V>[]): Promise<void> => {
    for (const change of changes) written.push("put" in change ? `put ${change.put}` : `delete ${change.delete}`);
    if (!isHeld) return inner.batch(changes);
    return new Promise((resolve, reject) => {
      waiting.push((failed) => {
        if (failed === undefined) inner.batch(changes).then(resolve, reject);
        else reject(failed);
      });
    });
  };
  const settle = async (failed?: Error, count = waiting.length): Promise<void> => {
    const settled = waiting.slice(0, count);
    waiting = waiting.slice(count);
    for (const end of settled) end(failed);
    await turn();
  };
  return {
    table: {
      get: (key) => inner.get(key),
      put: (key, value) => batch([{ put: key, value }]),
      delete: (key) => batch([{ delete: key }]),
      range: (from, to) => inner.range(from, to),
      batch,
    },
    written() {
      const since = written;
      written = [];
      return since;
    },
    hold() {
      isHeld = true;
    },
    async open() {
      isHeld = false;
      await settle();
    },
    fail: settle,
  };
}

/** Resolves when everything has run that waits for nothing but promises. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

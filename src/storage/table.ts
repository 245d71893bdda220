/** One change of an atomic batch. */
export type TableChange<V> = { readonly put: string; readonly value: V } | { readonly delete: string };

/** Key → value that a dialect or service keeps; keys are ordered by code unit. A batch is all or nothing. */
export interface Table<V> {
  get(key: string): V | undefined;
  put(key: string, value: V): Promise<void>;
  delete(key: string): Promise<void>;
  /** Entries with `from ≤ key < to`, in order. */
  range(from: string, to: string): Iterable<readonly [string, V]>;
  batch(changes: readonly TableChange<V>[]): Promise<void>;
}

/** Opens tables by name; the same name is the same table. */
export interface Tables {
  table<V>(namespace: string): Table<V>;
  close(): Promise<void>;
}

import { Fault } from "../core/index.js";

/** One change of an atomic batch. */
export type TableChange<V> = { readonly put: string; readonly value: V } | { readonly delete: string };

/** Which entries of a range: the first `limit`, or the last where it is read in reverse. */
export interface RangePart {
  readonly limit?: number;
  readonly reverse?: boolean;
}

/** Key → value that a dialect or service keeps; keys are ordered by code unit. A batch is all or nothing. */
export interface Table<V> {
  get(key: string): V | undefined;
  put(key: string, value: V): Promise<void>;
  delete(key: string): Promise<void>;
  /** Entries with `from ≤ key < to`, in order, or so many of them. */
  range(from: string, to: string, part?: RangePart): Iterable<readonly [string, V]>;
  batch(changes: readonly TableChange<V>[]): Promise<void>;
}

/** Tables at most: of the broker, and of all its dialects. */
export const tablesMax = 64;

/** Opens tables by name; the same name is the same table. */
export interface Tables {
  /** @throws Fault full: there are {@link tablesMax} */
  table<V>(namespace: string): Table<V>;
  close(): Promise<void>;
}

/** @throws Fault full if there are `count` tables and no more can be */
export function mustHaveRoom(count: number, namespace: string): void {
  if (count >= tablesMax)
    throw new Fault("full", `there are ${tablesMax} tables, so none is made for ${namespace}: keep more in one table`);
}

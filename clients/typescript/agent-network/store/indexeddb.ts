/** What of IndexedDB the client uses: the project's types know Node only (W3C Indexed Database API 3.0). */
export interface IdbFactory {
  open(name: string, version: number): IdbOpenRequest;
}

/** A request: its result is there when `onsuccess` is called. */
export interface IdbRequest<T> {
  readonly result: T;
  readonly error: Error | null;
  onsuccess: (() => void) | null;
  onerror: (() => void) | null;
}

/** The request that opens a database. */
export interface IdbOpenRequest extends IdbRequest<IdbDatabase> {
  onupgradeneeded: (() => void) | null;
}

/** A database that is open. */
export interface IdbDatabase {
  onversionchange: (() => void) | null;
  /** The browser has closed it by itself: its data were cleared. */
  onclose: (() => void) | null;
  createObjectStore(name: string): unknown;
  transaction(store: string, mode: "readonly" | "readwrite", options?: { durability: "strict" }): IdbTransaction;
  close(): void;
}

/** Changes that are made together or not at all. */
export interface IdbTransaction {
  readonly error: Error | null;
  oncomplete: (() => void) | null;
  onabort: (() => void) | null;
  abort(): void;
  objectStore(name: string): IdbObjectStore;
}

/** Records under keys `[table, key]`. */
export interface IdbObjectStore {
  put(value: Uint8Array, key: readonly [string, string]): unknown;
  delete(key: readonly [string, string]): unknown;
  getAll(range: unknown, count: number): IdbRequest<readonly Uint8Array[]>;
  getAllKeys(range: unknown, count: number): IdbRequest<readonly (readonly [string, string])[]>;
  openCursor(range: unknown, direction: "next" | "prev"): IdbRequest<IdbCursor | null>;
}

/** A record on the way through a range. */
export interface IdbCursor {
  readonly key: readonly [string, string];
  readonly value: Uint8Array;
  continue(): void;
}

/** Locks of an origin: over all its pages and workers (W3C Web Locks). */
export interface LockManager {
  request(name: string, options: { signal: AbortSignal }, held: () => Promise<void>): Promise<unknown>;
}

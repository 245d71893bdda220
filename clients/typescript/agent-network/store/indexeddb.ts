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
  createObjectStore(name: string): unknown;
  transaction(store: string, mode: "readonly" | "readwrite", options?: { durability: "strict" }): IdbTransaction;
  close(): void;
}

/** Changes that are made together or not at all. */
export interface IdbTransaction {
  readonly error: Error | null;
  oncomplete: (() => void) | null;
  onabort: (() => void) | null;
  objectStore(name: string): IdbObjectStore;
}

/** Records under keys `[table, key]`. */
export interface IdbObjectStore {
  put(value: Uint8Array, key: readonly [string, string]): unknown;
  delete(key: readonly [string, string]): unknown;
  openCursor(range: unknown, direction: "next" | "prev"): IdbRequest<IdbCursor | null>;
}

/** A record on the way through a range. */
export interface IdbCursor {
  readonly key: readonly [string, string];
  readonly value: Uint8Array;
  continue(): void;
}

/** What of Web Locks the client uses: a lock that is not free is given as null (W3C Web Locks API). */
export interface LockManager {
  request(
    name: string,
    options: { readonly ifAvailable: true },
    holder: (lock: object | null) => Promise<void>,
  ): Promise<unknown>;
}

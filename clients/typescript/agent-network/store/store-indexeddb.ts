import type { IdbDatabase, IdbFactory, IdbRequest, IdbTransaction } from "./indexeddb.js";
import type { Change, NetworkStore, Range } from "./store.js";

/** The one object store; a record's key is `[table, key]`. */
const records = "records";
/** Sorts behind every text, as IndexedDB orders keys. */
const behindAll: readonly never[] = [];

/** A client's store in a browser: the database belongs to the page's origin, and outlives its pages. */
export class IndexedDbStore implements NetworkStore {
  readonly isDurable = true;
  readonly #database: IdbDatabase;

  private constructor(database: IdbDatabase) {
    this.#database = database;
  }

  /**
   * Opens the database of this name, or makes it.
   * @throws Error where the browser has none or refuses it (private windows, no room), with the remedy
   */
  static async open(name: string): Promise<IndexedDbStore> {
    const factory = (globalThis as { readonly indexedDB?: IdbFactory }).indexedDB;
    if (factory === undefined) throw new Error("this browser has no IndexedDB; leave out `store` to keep nothing");
    const request = factory.open(`synaptic-core ${name}`, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(records);
    };
    const database = await done(request, `the browser does not open its database "${name}"`);
    // A page that is of a newer version wants to change the database: it may.
    database.onversionchange = () => {
      database.close();
    };
    return new IndexedDbStore(database);
  }

  async read(table: string, range: Range = {}): Promise<readonly (readonly [string, Uint8Array])[]> {
    const { after, before, limit = Infinity, reverse = false } = range;
    const { IDBKeyRange: keyRange } = globalThis as unknown as { readonly IDBKeyRange: { bound: KeyBound } };
    const within = keyRange.bound([table, after ?? ""], [table, before ?? behindAll], after !== undefined, true);
    const store = this.#database.transaction(records, "readonly").objectStore(records);
    const request = store.openCursor(within, reverse ? "prev" : "next");
    const rows: (readonly [string, Uint8Array])[] = [];
    return new Promise((resolve, reject) => {
      request.onerror = () => {
        reject(problem("the browser's database cannot be read", request.error));
      };
      request.onsuccess = () => {
        const cursor = request.result;
        if (cursor === null || rows.length >= limit) {
          resolve(rows);
          return;
        }
        rows.push([cursor.key[1], cursor.value]);
        cursor.continue();
      };
    });
  }

  async commit(changes: readonly Change[]): Promise<void> {
    // Relaxed would say "done" before the disk has it.
    const transaction = this.#database.transaction(records, "readwrite", { durability: "strict" });
    const store = transaction.objectStore(records);
    for (const { table, key, value } of changes) {
      if (value === undefined) store.delete([table, key]);
      else store.put(value, [table, key]);
    }
    await completed(transaction);
  }

  close(): Promise<void> {
    this.#database.close();
    return Promise.resolve();
  }
}

type KeyBound = (lower: unknown, upper: unknown, lowerOpen: boolean, upperOpen: boolean) => unknown;

function done<T>(request: IdbRequest<T>, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => {
      resolve(request.result);
    };
    request.onerror = () => {
      reject(problem(what, request.error));
    };
  });
}

function completed(transaction: IdbTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => {
      resolve();
    };
    transaction.onabort = () => {
      reject(problem("the browser could not keep the change", transaction.error));
    };
  });
}

function problem(what: string, cause: Error | null): Error {
  const why = cause?.message ?? "";
  return new Error(
    `${what}${why === "" ? "" : `: ${why}`}; is there room on the disk, and may this page keep data (no private window)?`,
    { cause },
  );
}

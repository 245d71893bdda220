import type { IdbDatabase, IdbFactory, IdbRequest, IdbTransaction, LockManager } from "./indexeddb.js";
import type { Change, NetworkStore, Range } from "./store.js";

/** The one object store; a record's key is `[table, key]`. */
const records = "records";
/** Sorts behind every text, as IndexedDB orders keys. */
const behindAll: readonly never[] = [];

/** A client's store in a browser: the database belongs to the page's origin, and outlives its pages. */
export class IndexedDbStore implements NetworkStore {
  readonly isDurable = true;
  readonly #database: IdbDatabase;
  readonly #release: () => void;

  private constructor(database: IdbDatabase, release: () => void) {
    this.#database = database;
    this.#release = release;
  }

  /**
   * Opens the database of this name, or makes it.
   * @throws Error where the browser has none or refuses it (private windows, no room), or another page has it open;
   * each names the remedy
   */
  static async open(name: string): Promise<IndexedDbStore> {
    const factory = (globalThis as { readonly indexedDB?: IdbFactory }).indexedDB;
    if (factory === undefined) throw new Error("this browser has no IndexedDB; leave out `store` to keep nothing");
    const release = await lockOf(`synaptic-core ${name}`);
    try {
      const request = factory.open(`synaptic-core ${name}`, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(records);
      };
      const database = await done(request, `the browser does not open its database "${name}"`);
      // A page that is of a newer version wants to change the database: it may.
      database.onversionchange = () => {
        database.close();
      };
      return new IndexedDbStore(database, release);
    } catch (thrown) {
      release();
      throw thrown;
    }
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
    this.#release();
    return Promise.resolve();
  }
}

/**
 * Takes a name for this page alone, until what it returns is called or the page is gone (W3C Web Locks): two pages with
 * the same keys would overwrite what the other keeps.
 * @throws Error where another page has it, or the page may not ask
 */
function lockOf(name: string): Promise<() => void> {
  const { locks } = (globalThis as unknown as { readonly navigator: { readonly locks?: LockManager } }).navigator;
  if (locks === undefined) {
    throw new Error("this page may keep nothing: open it by https://, or from localhost (a secure context)");
  }
  return new Promise((resolve, reject) => {
    const held = locks.request(name, { ifAvailable: true }, (lock) => {
      if (lock === null) {
        throw new Error(
          `another page of this browser uses the store "${name}": an agent's keys are one page's; close that one, or ` +
            "name another store",
        );
      }
      return new Promise<void>((release) => {
        resolve(release);
      });
    });
    held.catch(reject);
  });
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

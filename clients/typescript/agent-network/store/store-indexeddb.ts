import type { IdbDatabase, IdbFactory, IdbObjectStore, IdbRequest, IdbTransaction, LockManager } from "./indexeddb.js";
import type { Change, NetworkStore, Range } from "./store.js";

/** The one object store; a record's key is `[table, key]`. */
const records = "records";
/** Sorts behind every text, as IndexedDB orders keys. */
const behindAll: readonly never[] = [];
/** Records that are read at once: one by one, by a cursor, they would take twenty times as long. */
const page = 1_000;
/** How long a page waits for the one before it to be gone, milliseconds: a reload overlaps. */
const lockWaitMs = 3_000;

/**
 * A client's store in a browser, for one page at a time: the database belongs to the page's origin, and outlives its
 * pages. What is committed is on disk; the browser itself may clear it where room is short, unless the page has asked
 * for `navigator.storage.persist()`.
 */
export class IndexedDbStore implements NetworkStore {
  readonly isDurable = true;
  readonly #name: string;
  readonly #database: IdbDatabase;
  readonly #unlock: () => void;
  #phase: "open" | "closed" | "taken" = "open";

  private constructor(name: string, database: IdbDatabase, unlock: () => void) {
    this.#name = name;
    this.#database = database;
    this.#unlock = unlock;
    // A page that is of a newer version wants to change the database, or the user clears what pages keep: they may.
    database.onversionchange = () => {
      database.close();
      this.#taken();
    };
    database.onclose = () => {
      this.#taken();
    };
  }

  /**
   * Opens the database of this name, or makes it.
   * @throws Error where the browser has none or refuses it (private windows, no room), or another page has it, with the
   * remedy
   */
  static async open(name: string): Promise<IndexedDbStore> {
    const scope = globalThis as {
      readonly indexedDB?: IdbFactory;
      readonly navigator?: { readonly locks?: LockManager };
    };
    const { indexedDB: factory } = scope;
    if (factory === undefined) throw new Error("this browser has no IndexedDB; leave out `store` to keep nothing");
    const unlock = await lock(`synaptic-core ${name}`, name, scope.navigator?.locks);
    try {
      const request = factory.open(`synaptic-core ${name}`, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(records);
      };
      return new IndexedDbStore(name, await done(request, `the browser does not open its database "${name}"`), unlock);
    } catch (thrown) {
      unlock();
      throw thrown;
    }
  }

  async read(table: string, range: Range = {}): Promise<readonly (readonly [string, Uint8Array])[]> {
    const { limit = Infinity, reverse = false, before } = range;
    const rows: (readonly [string, Uint8Array])[] = [];
    for (let { after } = range; rows.length < limit; after = rows.at(-1)?.[0]) {
      const store = this.#begin("readonly").objectStore(records);
      const within = keyRange(table, after, before);
      const most = Math.min(page, limit - rows.length);
      const found = await (reverse ? lastOf(store, within, limit) : firstOf(store, within, most));
      rows.push(...found);
      if (reverse || found.length < most) break;
    }
    return rows;
  }

  async commit(changes: readonly Change[]): Promise<void> {
    const transaction = this.#begin("readwrite");
    const store = transaction.objectStore(records);
    try {
      for (const { table, key, value } of changes) {
        if (value === undefined) store.delete([table, key]);
        // A copy: of a view, the browser would keep all that it is a view of.
        else store.put(value.slice(), [table, key]);
      }
    } catch (thrown) {
      transaction.abort(); // else the changes before it would be kept without it
      throw thrown;
    }
    await completed(transaction);
  }

  close(): Promise<void> {
    if (this.#phase === "open") this.#phase = "closed";
    this.#database.close();
    this.#unlock();
    return Promise.resolve();
  }

  #begin(mode: "readonly" | "readwrite"): IdbTransaction {
    if (this.#phase === "closed") throw new Error(`the browser's database "${this.#name}" is closed; open it again`);
    if (this.#phase === "taken")
      throw new Error(
        `the browser's database "${this.#name}" was cleared, or is changed by a newer page: load the page again`,
      );
    // Relaxed would say "done" before the disk has it.
    return this.#database.transaction(records, mode, { durability: "strict" });
  }

  #taken(): void {
    if (this.#phase === "open") this.#phase = "taken";
    this.#unlock();
  }
}

/** Takes the origin's lock of this name. Returns what gives it back. */
async function lock(id: string, name: string, locks: LockManager | undefined): Promise<() => void> {
  if (locks === undefined)
    throw new Error("this browser has no Web Locks, as on every page without https; serve it over https or localhost");
  let unlock = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    unlock = resolve;
  });
  await new Promise<void>((resolve, reject) => {
    locks
      .request(id, { signal: AbortSignal.timeout(lockWaitMs) }, () => {
        resolve();
        return held;
      })
      .catch((cause: unknown) => {
        reject(
          new Error(
            `another page or tab uses the store "${name}": an agent's keys are one page's; close that one, or name ` +
              "another store",
            { cause },
          ),
        );
      });
  });
  return unlock;
}

type KeyBound = (lower: unknown, upper: unknown, lowerOpen: boolean, upperOpen: boolean) => unknown;

function keyRange(table: string, after: string | undefined, before: string | undefined): unknown {
  const { IDBKeyRange: ranges } = globalThis as unknown as { readonly IDBKeyRange: { bound: KeyBound } };
  // A range whose ends are not in order throws.
  if (after !== undefined && before !== undefined && after >= before)
    return ranges.bound([table, after, ""], [table, after, ""], false, false);
  return ranges.bound([table, after ?? ""], [table, before ?? behindAll], after !== undefined, true);
}

type Rows = readonly (readonly [string, Uint8Array])[];

async function firstOf(store: IdbObjectStore, within: unknown, most: number): Promise<Rows> {
  // Asked for in one turn: nothing comes between.
  const [keys, values] = await Promise.all([
    done(store.getAllKeys(within, most), unread),
    done(store.getAll(within, most), unread),
  ]);
  return keys.flatMap(([, key], at) => {
    const value = values[at];
    return value === undefined ? [] : [[key, value] as const];
  });
}

function lastOf(store: IdbObjectStore, within: unknown, limit: number): Promise<Rows> {
  const request = store.openCursor(within, "prev");
  const rows: (readonly [string, Uint8Array])[] = [];
  return new Promise((resolve, reject) => {
    request.onerror = () => {
      reject(problem(unread, request.error));
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

const unread = "the browser's database cannot be read";

function problem(what: string, cause: Error | null): Error {
  const why = cause === null || cause.message === "" ? "" : `: ${cause.message}`;
  const remedy =
    cause?.name === "VersionError"
      ? "it is of a newer version of this page: load the page again"
      : "is there room on the disk, and may this page keep data (no private window)?";
  return new Error(`${what}${why}; ${remedy}`, { cause });
}

import type { Database } from "lmdb";
import { serialize } from "node:v8";
import { Fault } from "../core/index.js";
import { openLmdb, orFault, reasonOf, type LmdbFolder, type OpenLmdb } from "./lmdb-folder.js";
import type { ReservedSpace } from "./reserved-space.js";
import { mustHaveRoom, tablesMax, type RangePart, type Table, type TableChange, type Tables } from "./table.js";

/** Entries that are written together at most, unless one change alone has more. */
const groupMaxEntries = 1_000;
/** LMDB's own limit for a key, bytes; keys are UTF-16. */
const keyMaxBytes = 1_978;

/** Where the tables lie, and who is told what fails. */
export interface TablesLmdbOptions {
  /** The folder of the database; made if it is not there, mode 0700. */
  readonly path: string;
  /** What is forgotten with them, for people; the broker's own tables say so themselves. */
  readonly holds?: string;
  /** Called when a change could not be kept because the disk is full or failed. For the log. */
  readonly failed: (error: unknown) => void;
}

/** Tables on disk (lmdb): a change is visible at once, and kept, by fsync, when its promise resolves. */
export class TablesLmdb implements Tables {
  readonly #options: TablesLmdbOptions;
  // bound: tablesMax · evicts: one more is refused as full · owner: TablesLmdb
  readonly #tables = new Map<string, TableLmdb<unknown>>();
  #opened: OpenLmdb | undefined;

  constructor(options: TablesLmdbOptions) {
    this.#options = options;
  }

  /** @throws Fault unavailable, naming the folder and the remedy */
  open(): void {
    this.#opened = openLmdb(this.#folder);
  }

  get #folder(): LmdbFolder {
    const { path } = this.#options;
    return { path, what: "the tables", maxDbs: tablesMax, remedy: startAnew(this.#options) };
  }

  table<V>(namespace: string): Table<V> {
    let table = this.#tables.get(namespace);
    if (table === undefined) {
      const opened = this.#opened;
      if (opened === undefined) throw new Fault("unavailable", "the tables are not open");
      mustHaveRoom(this.#tables.size, namespace);
      table = new TableLmdb<unknown>(this.#openTable(opened, namespace), opened.space, {
        namespace,
        ...this.#options,
      });
      this.#tables.set(namespace, table);
    }
    return table as Table<V>; // the owner of a namespace decides what it holds
  }

  /** A new table is written at once. @throws Fault unavailable */
  #openTable({ root, space }: OpenLmdb, name: string): Database<unknown, Buffer> {
    return orFault(this.#folder, `the table ${name}`, () => {
      const written = space.take(0, 1);
      try {
        return root.openDB<unknown, Buffer>({ name, keyEncoding: "binary", encoding: "msgpack" });
      } finally {
        written();
      }
    });
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    const tables = [...this.#tables.values()];
    this.#tables.clear();
    await Promise.all(tables.map((table) => table.end()));
    await opened?.root.close();
    opened?.space.close();
  }
}

/** What is in the tables, so that nobody gives it up unknowingly. */
function startAnew({ path, holds }: Pick<TablesLmdbOptions, "holds" | "path">): string {
  const lost = holds ?? "remembered names, invite-only rooms and what dialects keep";
  return (
    `put a copy of the folder ${path} back, or move it away to start with empty tables: ` +
    `${lost} ${holds === undefined ? "are" : "is"} forgotten then, tokens are not`
  );
}

/** A change that is on its way to the disk. */
type Pending<V> = { readonly value: V } | { readonly deleted: true };

/** The keys of a change, and what becomes of each. */
type Entries<V> = readonly (readonly [string, Pending<V>])[];

interface Settle {
  readonly resolve: () => void;
  readonly reject: (why: unknown) => void;
}

/** A change that waits for its turn. */
interface Waiting<V> extends Settle {
  readonly entries: Entries<V>;
}

/** One ordered table: what is on disk, covered by the changes that are on their way there. */
class TableLmdb<V> implements Table<V> {
  readonly #database: Database<V, Buffer>;
  readonly #space: ReservedSpace;
  readonly #about: TablesLmdbOptions & { readonly namespace: string };
  // bound: changes of the last few milliseconds · evicts: a change goes when it is on disk · owner: TableLmdb
  readonly #pending = new Map<string, Pending<V>>();
  /** Changes that wait for those before them. */
  readonly #waiting: Waiting<V>[] = [];
  /** The changes that are being written and those that wait; undefined if there are none. */
  #underWay: Promise<void> | undefined;
  #phase: "open" | "closed" = "open";

  constructor(
    database: Database<V, Buffer>,
    space: ReservedSpace,
    about: TablesLmdbOptions & { readonly namespace: string },
  ) {
    this.#database = database;
    this.#space = space;
    this.#about = about;
  }

  /** The file is about to be closed: nothing is found and nothing taken any more. Resolves when what was is on disk. */
  async end(): Promise<void> {
    this.#phase = "closed";
    await this.#underWay;
  }

  get(key: string): V | undefined {
    const pending = this.#pending.get(key);
    if (pending === undefined) return this.#phase === "closed" ? undefined : this.#read(key);
    return "deleted" in pending ? undefined : structuredClone(pending.value);
  }

  /** @throws Fault unavailable: what is on disk under the key is no value */
  #read(key: string): V | undefined {
    try {
      return this.#database.get(keyOf(key));
    } catch (error) {
      const { namespace, path } = this.#about;
      throw new Fault(
        "unavailable",
        `an entry of the table ${namespace} in ${path} is damaged: ${error instanceof Error ? error.message : ""}; ` +
          startAnew(this.#about),
        { cause: error },
      );
    }
  }

  put(key: string, value: V): Promise<void> {
    return this.batch([{ put: key, value }]);
  }

  delete(key: string): Promise<void> {
    return this.batch([{ delete: key }]);
  }

  *range(from: string, to: string, part: RangePart = {}): Iterable<readonly [string, V]> {
    const { limit = Infinity, reverse = false } = part;
    if (from >= to || limit <= 0 || this.#phase === "closed") return;
    // Names first, values one by one: the table may be changed while it is read, and no snapshot is held meanwhile.
    const keys = new Set(this.#keys(from, to, limit, reverse));
    for (const key of this.#pending.keys()) if (key >= from && key < to) keys.add(key);
    const sorted = [...keys].sort();
    let left = limit;
    for (const key of reverse ? sorted.reverse() : sorted) {
      const value = this.get(key);
      if (value === undefined) continue;
      yield [key, value];
      left -= 1;
      if (left <= 0) return;
    }
  }

  /** Keys on disk: enough of them for a limit, though changes on their way there may delete some. */
  #keys(from: string, to: string, limit: number, reverse: boolean): readonly string[] {
    const [first, last] = [keyOf(from), keyOf(to)];
    const found = this.#database.getKeys({
      ...(limit === Infinity ? {} : { limit: limit + this.#pending.size }),
      ...(reverse
        ? { start: last, exclusiveStart: true, end: first, inclusiveEnd: true, reverse }
        : { start: first, end: last }),
    });
    return [...found].map(textOf);
  }

  // Not an async function: what cannot be kept is refused before anything has changed, what can is visible on return.
  batch(changes: readonly TableChange<V>[]): Promise<void> {
    if (this.#phase === "closed")
      return Promise.reject(new Fault("going-away", "the tables are closed: the broker has stopped"));
    let entries: Entries<V>;
    try {
      entries = changes.map((change) => {
        const key = "put" in change ? change.put : change.delete;
        if (key.length * 2 > keyMaxBytes)
          throw new Fault("too-large", `a key of a table is ${String(keyMaxBytes / 2)} characters at most`);
        return [key, "put" in change ? { value: structuredClone(change.value) } : { deleted: true }];
      });
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
    for (const [key, pending] of entries) this.#pending.set(key, pending);
    return this.#write(entries);
  }

  /**
   * Writes a change, alone if nothing else is on its way to the disk. What comes meanwhile waits, and goes together
   * when that is done: many who wait cost one write, and the space for one.
   */
  #write(entries: Entries<V>): Promise<void> {
    const { promise, resolve, reject } = deferred();
    this.#waiting.push({ entries, resolve, reject });
    this.#underWay ??= this.#writeAll();
    return promise;
  }

  /** Writes what waits until nothing does. Never rejects: each change has its own promise. */
  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#nextGroup();
      try {
        await this.#commit(group.flatMap(({ entries }) => entries));
        for (const { resolve } of group) resolve();
      } catch (thrown) {
        for (const { reject } of group) reject(thrown);
      }
    }
    this.#underWay = undefined;
  }

  /** The next changes that wait, so many that one write does not take the thread for long. */
  #nextGroup(): readonly Waiting<V>[] {
    let entries = 0;
    const end = this.#waiting.findIndex((change) => (entries += change.entries.length) > groupMaxEntries);
    return this.#waiting.splice(0, end === -1 ? this.#waiting.length : Math.max(end, 1));
  }

  /** Writes changes as one: all of them are kept, or none. @throws Fault unavailable */
  async #commit(entries: Entries<V>): Promise<void> {
    let written = (): void => undefined;
    try {
      written = this.#space.take(sizeOf(entries), entries.length);
      const writes: Promise<boolean>[] = [];
      const batch = this.#database.batch(() => {
        for (const [key, pending] of entries)
          writes.push(
            "deleted" in pending ? this.#database.remove(keyOf(key)) : this.#database.put(keyOf(key), pending.value),
          );
      });
      // All of them fail with the batch: one that is left alone ends the process.
      await Promise.all([batch, ...writes]);
      await this.#database.flushed;
    } catch (error) {
      const cause = await reasonOf(error);
      this.#about.failed(cause);
      throw new Fault(
        "unavailable",
        "the change could not be kept: the disk is full or failed; the broker's log says more",
        { cause },
      );
    } finally {
      written();
      for (const [key, pending] of entries) if (this.#pending.get(key) === pending) this.#pending.delete(key);
    }
  }
}

/** A promise, and what settles it. */
function deferred(): { readonly promise: Promise<void> } & Settle {
  let settle: Settle | undefined;
  const promise = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  if (settle === undefined) throw new Fault("internal", "a promise did not begin");
  return { promise, ...settle };
}

/** More than a change takes on disk, but for the tree around it. */
function sizeOf(entries: readonly (readonly [string, Pending<unknown>])[]): number {
  return entries.reduce(
    (sum, [key, pending]) => sum + 2 * key.length + ("value" in pending ? serialize(pending.value).length : 0),
    0,
  );
}

/**
 * UTF-16, big-endian: bytes then sort as code units do, and every string has its own, lone surrogates too. One byte
 * before: a key is never empty.
 */
function keyOf(key: string): Buffer {
  return Buffer.concat([Buffer.from([1]), Buffer.from(key, "utf16le").swap16()]);
}

function textOf(key: Buffer): string {
  return Buffer.from(key.subarray(1)).swap16().toString("utf16le");
}

import { chmodSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { PidLock, TablesLmdb, type Table, type TableChange } from "../../../../src/storage/index.js";
import type { Change, NetworkStore, Range } from "../store/store.js";

/** What stands between a table's name and a key: neither holds it. It sorts before everything that they hold. */
const between = "\n";
/** The first text behind all that begin with a table's name and {@link between}. */
const behind = "\u000b";

/**
 * A client's store in a folder (lmdb), mode 0700, for one process at a time: what is committed is on disk, by fsync, and
 * outlives a kill.
 */
export class LmdbStore implements NetworkStore {
  readonly isDurable = true;
  readonly #lock: PidLock;
  readonly #tables: TablesLmdb;
  readonly #records: Table<Uint8Array>;

  private constructor(lock: PidLock, tables: TablesLmdb) {
    this.#lock = lock;
    this.#tables = tables;
    this.#records = tables.table("records");
  }

  /**
   * Opens the folder, or makes it.
   * @throws Fault unavailable if it is damaged; Error if another process has it or it cannot be made. Each names the
   * remedy
   */
  static async open(path: string): Promise<LmdbStore> {
    const folder = resolve(path);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    const lock = await PidLock.take(join(folder, "agent.pid"));
    if (!(lock instanceof PidLock)) {
      throw new Error(
        `the process ${lock.pid} uses the store ${folder}: an agent's keys are one process's; end that one, or name ` +
          "another folder as store",
      );
    }
    const tables = new TablesLmdb({
      path: join(folder, "records"),
      holds: "this agent's keys, the pins of its peers and what waits to be said",
      failed: () => undefined, // whoever commits is told
    });
    try {
      tables.open();
      return new LmdbStore(lock, tables);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  read(table: string, range: Range = {}): Promise<readonly (readonly [string, Uint8Array])[]> {
    const { after, before, limit = Infinity, reverse = false } = range;
    // The smallest text behind `after` is it and a zero.
    const from = `${table}${between}${after === undefined ? "" : `${after}\0`}`;
    const to = before === undefined ? `${table}${behind}` : `${table}${between}${before}`;
    const rows: (readonly [string, Uint8Array])[] = [];
    for (const [name, value] of this.#records.range(from, to)) {
      rows.push([name.slice(table.length + 1), value]);
      if (!reverse && rows.length >= limit) break;
    }
    return Promise.resolve(reverse ? rows.reverse().slice(0, limit) : rows);
  }

  async commit(changes: readonly Change[]): Promise<void> {
    await this.#records.batch(
      changes.map(({ table, key, value }): TableChange<Uint8Array> => {
        const name = `${table}${between}${key}`;
        return value === undefined ? { delete: name } : { put: name, value };
      }),
    );
  }

  async close(): Promise<void> {
    await this.#tables.close();
    this.#lock.release();
  }
}

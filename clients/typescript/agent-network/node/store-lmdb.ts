import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import { PidLock, TablesLmdb, type LockHolder, type Table, type TableChange } from "../../../../src/storage/index.js";
import type { Change, NetworkStore, Range } from "../store/store.js";

/** What stands between a table's name and a key: neither holds it. It sorts before everything that they hold. */
const between = "\n";
/** The first text behind all that begin with a table's name and {@link between}. */
const behind = "\u000b";

const secondMs = 1_000;

/**
 * A client's store in a folder (lmdb), for one process at a time: what is committed is on disk, by fsync, and outlives a
 * kill. The folder is made with mode 0700; one that was there keeps its mode, and the records in it are for nobody else.
 */
export class LmdbStore implements NetworkStore {
  readonly isDurable = true;
  readonly #folder: string;
  readonly #lock: PidLock;
  readonly #tables: TablesLmdb;
  readonly #records: Table<Uint8Array>;
  readonly #holder: { isLost: boolean };
  #phase: "open" | "closed" = "open";

  private constructor(folder: string, lock: PidLock, tables: TablesLmdb, holder: { isLost: boolean }) {
    this.#folder = folder;
    this.#lock = lock;
    this.#tables = tables;
    this.#records = tables.table("records");
    this.#holder = holder;
  }

  /**
   * Opens the folder, or makes it.
   * @throws Error if it is damaged, another process has it, or it cannot be made. Each names the remedy
   */
  static async open(path: string): Promise<LmdbStore> {
    const folder = resolve(path);
    const holder = { isLost: false };
    let lock: PidLock | LockHolder;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      lock = await PidLock.take(join(folder, "agent.pid"), () => {
        holder.isLost = true;
      });
    } catch (cause) {
      throw new Error(
        `the store ${folder} cannot be made or locked: ${wordsOf(cause)}; name a folder as store in which this process ` +
          "may write, on a disk that has room",
        { cause },
      );
    }
    if (!(lock instanceof PidLock)) throw new Error(heldBy(folder, lock));
    const tables = new TablesLmdb({
      path: join(folder, "records"),
      holds: "this agent's keys, the pins of its peers and what waits to be said",
      failed: () => undefined, // whoever commits is told
    });
    try {
      tables.open();
      return new LmdbStore(folder, lock, tables, holder);
    } catch (cause) {
      await tables.close();
      lock.release();
      throw cause;
    }
  }

  async read(table: string, range: Range = {}): Promise<readonly (readonly [string, Uint8Array])[]> {
    // lmdb reads at once: others have their turn before, however many pages are read.
    await setImmediate();
    this.#mustBeOurs();
    const { after, before, ...part } = range;
    // The smallest text behind `after` is it and a zero.
    const from = `${table}${between}${after === undefined ? "" : `${after}\0`}`;
    const to = before === undefined ? `${table}${behind}` : `${table}${between}${before}`;
    const rows = [...this.#records.range(from, to, part)];
    return rows.map(([name, value]) => [name.slice(table.length + 1), value] as const);
  }

  async commit(changes: readonly Change[]): Promise<void> {
    this.#mustBeOurs();
    try {
      await this.#records.batch(
        changes.map(({ table, key, value }): TableChange<Uint8Array> => {
          const name = `${table}${between}${key}`;
          return value === undefined ? { delete: name } : { put: name, value };
        }),
      );
    } catch (thrown) {
      // Its own words are for whoever runs a broker.
      const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
      throw new Error(
        `the store ${this.#folder} could not keep the change: ${wordsOf(cause)}; make room on its disk, and say again ` +
          "what was refused",
        { cause },
      );
    }
  }

  async close(): Promise<void> {
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    try {
      await this.#tables.close();
    } finally {
      this.#lock.release();
    }
  }

  #mustBeOurs(): void {
    if (this.#phase === "closed") throw new Error(`the store ${this.#folder} is closed; open it again`);
    if (!this.#holder.isLost) return;
    throw new Error(
      `another process has taken the store ${this.#folder}, since this one stood still for too long: end one of them`,
    );
  }
}

function heldBy(folder: string, { pid, isElsewhere, freeAfterMs }: LockHolder): string {
  const where = isElsewhere ? `the process ${pid} of another machine or container` : `the process ${pid}`;
  const wait = freeAfterMs < secondMs ? "" : `; if it is dead, wait ${Math.ceil(freeAfterMs / secondMs)} s`;
  return (
    `${where} uses the store ${folder}: an agent's keys are one process's; end that one, or name another folder as ` +
    `store${wait}`
  );
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import { open, type RootDatabase, type RootDatabaseOptionsWithPath } from "lmdb";
import { chmodSync, lstatSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../core/index.js";
import { closeToOthers, mustBeRegular } from "./atomic-file.js";
import { lmdbDamage } from "./lmdb-damage.js";
import { isDiskFull, remedyOf } from "./remedy.js";
import { mustHaveDiskRoom, ReservedSpace } from "./reserved-space.js";

/** A folder with a file of lmdb's. */
export interface LmdbFolder {
  /** Made if it is not there, mode 0700. */
  readonly path: string;
  /** What is in it, for people: "the tables". */
  readonly what: string;
  readonly maxDbs: number;
  /** What to do if the file is damaged. */
  readonly remedy: string;
}

/** An lmdb that is open, and the space that is made sure of before it writes. */
export interface OpenLmdb {
  readonly root: RootDatabase;
  readonly space: ReservedSpace;
}

/**
 * Opens lmdb's file in a folder, for nobody else to read; makes it if it is not there. A damaged one is found before
 * lmdb reads it.
 * @throws Fault unavailable, naming the folder and the remedy
 */
export function openLmdb(folder: LmdbFolder): OpenLmdb {
  const { path, maxDbs, remedy } = folder;
  const file = join(path, "data.mdb");
  return orFault(folder, folder.what, () => {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    chmodSync(path, 0o700);
    const damage = lmdbDamage(file);
    if (damage !== undefined) throw new Fault("unavailable", `${file} is damaged: ${damage}; ${remedy}`);
    // lmdb ends the process by a signal if its lock is a pipe, a folder or a link.
    const lock = lstatSync(join(path, "lock.mdb"), { throwIfNoEntry: false });
    if (lock !== undefined) mustBeRegular(join(path, "lock.mdb"), lock);
    for (const name of ["data.mdb", "lock.mdb"]) closeToOthers(join(path, name));
    mustHaveDiskRoom(path);
    const root = open({
      path,
      maxDbs,
      permissionsMode: 0o600,
      // With it, lmdb keeps a promise of each turn's writes to itself: when the disk is full nobody takes its
      // rejection, and the process ends.
      eventTurnBatching: false,
    } as RootDatabaseOptionsWithPath); // its types do not know the mode
    return { root, space: new ReservedSpace(file, () => usedBytes(root)) };
  });
}

/**
 * Does something with a folder of lmdb's.
 * @param what that is opened: "the table agents"
 * @throws Fault unavailable, naming the folder and the remedy
 */
export function orFault<T>({ path, remedy }: LmdbFolder, what: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw new Fault(
      "unavailable",
      `${what} in ${path} cannot be opened: ${error instanceof Error ? error.message : String(error)}; ` +
        (isDiskFull(error) ? remedyOf(error) : remedy),
      { cause: error },
    );
  }
}

/** Where the last page ends, of those that lmdb uses. */
export function usedBytes(root: RootDatabase): number {
  const { pageSize, lastPageNumber } = root.getStats() as {
    readonly pageSize: number;
    readonly lastPageNumber: number;
  }; // its types say any
  return (lastPageNumber + 1) * pageSize;
}

/**
 * Why a commit failed: lmdb says so by a promise in the error, rejected in the same turn. One that nobody takes ends
 * the process, too.
 */
export function reasonOf(error: unknown): Promise<unknown> {
  const reason = error instanceof Error && "commitError" in error ? error.commitError : undefined;
  if (!(reason instanceof Promise)) return Promise.resolve(error);
  const told = reason.then(
    () => error,
    (why: unknown) => why,
  );
  return Promise.race([told, new Promise((resolve) => setImmediate(resolve, error))]);
}

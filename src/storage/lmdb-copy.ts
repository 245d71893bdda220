import { open, type RootDatabaseOptionsWithPath } from "lmdb";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { chmod, open as openFile } from "node:fs/promises";
import { join } from "node:path";
import { Fault } from "../core/index.js";
import { lmdbDamage } from "./lmdb-damage.js";
import { remedyOf } from "./remedy.js";

/**
 * Copies what lmdb has committed in a folder into another one, without its free pages: as it was at one moment, also
 * while another process writes there. Everything that was forced onto the disk before is in it.
 * @param to not there yet; made with mode 0700
 * @returns false if there is nothing to copy
 * @throws Fault unavailable, naming the folder and the remedy
 */
export async function copyLmdb(from: string, to: string): Promise<boolean> {
  if (!existsSync(join(from, "data.mdb"))) return false;
  const file = join(to, "data.mdb");
  try {
    mkdirSync(to, { mode: 0o700 });
    const root = open({
      path: from,
      readOnly: true,
      eventTurnBatching: false,
    } as RootDatabaseOptionsWithPath);
    try {
      await root.backup(to, true);
    } finally {
      await root.close();
    }
    await chmod(file, 0o600);
    await syncPath(file);
  } catch (error) {
    throw new Fault(
      "unavailable",
      `${from} cannot be copied to ${to}: ${error instanceof Error ? error.message : String(error)}; ${remedyOf(error)}`,
      { cause: error },
    );
  }
  const damage = lmdbDamage(file);
  if (damage === undefined) return true;
  rmSync(file, { force: true });
  throw new Fault("unavailable", `${join(from, "data.mdb")} is damaged, and so is its copy: ${damage}`);
}

/** Forces a file, or the list of a folder, onto the disk. */
export async function syncPath(path: string): Promise<void> {
  const file = await openFile(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

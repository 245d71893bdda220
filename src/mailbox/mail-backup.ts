import type { RootDatabase } from "lmdb";
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../core/index.js";
import { remedyOf } from "../storage/index.js";

/**
 * Copies what lmdb has committed into another folder, without its free pages, while it is in use.
 * @throws Fault unavailable: the folder is not empty, or the disk full
 */
export async function backUp(root: RootDatabase, folder: string): Promise<void> {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    if (readdirSync(folder).length > 0)
      throw new Fault("unavailable", `${folder} is not empty: name a folder that is, or that is not there`);
    await copy(root, folder);
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw new Fault(
      "unavailable",
      `the mailboxes cannot be copied to ${folder}: ${error instanceof Error ? error.message : String(error)}; ` +
        remedyOf(error),
      { cause: error },
    );
  }
}

/** A part of a copy does not stay: somebody could take it for one. */
async function copy(root: RootDatabase, folder: string): Promise<void> {
  const file = join(folder, "data.mdb");
  try {
    await root.backup(folder, true);
    chmodSync(file, 0o600);
    for (const path of [file, folder]) sync(path);
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  }
}

function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

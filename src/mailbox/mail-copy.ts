import { rmSync } from "node:fs";
import { join } from "node:path";
import { copyLmdb } from "../storage/index.js";
import { openLmdb } from "../storage/lmdb-folder.js";
import { epochKey, epochOfCopy, databases } from "./mail-file.js";

/**
 * Copies the mailboxes of a folder into another one, also while a broker uses them. Whoever opens the copy first gives
 * it an epoch of its own: what was read from the original says nothing about it (protocols §9).
 * @param to not there yet
 * @throws Fault unavailable, naming the folder and the remedy
 */
export async function copyMail(from: string, to: string): Promise<void> {
  if (!(await copyLmdb(from, to))) return;
  const remedy = "make the copy again";
  const { root, space } = openLmdb({ path: to, what: "the copy of the mailboxes", maxDbs: databases.length, remedy });
  try {
    const about = root.openDB<Buffer, Buffer>({ name: "about", keyEncoding: "binary", encoding: "binary" });
    about.transactionSync(() => {
      about.putSync(epochKey, epochOfCopy);
    });
    await root.flushed;
  } finally {
    await root.close();
    space.close();
  }
  rmSync(join(to, "lock.mdb"), { force: true });
}

import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
} from "node:fs";
import { chmod, copyFile, symlink } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { Fault } from "../core/index.js";
import { copyMail } from "../mailbox/index.js";
import { copyRoomLogs } from "../room-log/index.js";
import { copyLmdb, syncPath, type DataDirectory } from "../storage/index.js";
import { errorCode, remedyOf } from "../storage/remedy.js";

/** What belongs to a broker that runs, and to nobody else. */
const ofRunning: ReadonlySet<string> = new Set(["endpoints.json", "broker.pid"]);
/** lmdb copies its own. */
const ofLmdb: ReadonlySet<string> = new Set(["data.mdb", "lock.mdb"]);

/** What was copied. */
export interface BackedUp {
  readonly folder: string;
  readonly files: number;
  readonly bytes: number;
}

/**
 * Copies a whole data directory, also while a broker uses it. The mailboxes first, the tables next, then the files: what
 * the mailboxes speak of is in what is copied later. The folder has its name only when all of it is on the disk.
 * @param folder not there, or empty
 * @throws Fault not-found, forbidden, conflict, unavailable, with the remedy
 */
export async function backUpData(data: DataDirectory, folder: string): Promise<BackedUp> {
  const to = resolve(folder);
  mayCopy(data, to);
  const part = makePart(to);
  try {
    await copyMail(data.file("mail"), join(part, "mail"));
    for (const { name } of readdirSync(data.path, { withFileTypes: true }).filter((entry) => entry.isDirectory()))
      if (name === "room-logs") await copyRoomLogs(data.file(name), join(part, name));
      else if (name !== "mail") await copyLmdb(data.file(name), join(part, name)); // tables
    await copyFolder(data.path, part, true);
    const all = filesOf(part);
    renameSync(part, to);
    await syncPath(dirname(to));
    return { folder: to, ...all };
  } catch (thrown) {
    rmSync(part, { recursive: true, force: true });
    if (thrown instanceof Fault) throw thrown;
    throw new Fault(
      "unavailable",
      `${data.path} cannot be copied to ${to}: ${thrown instanceof Error ? thrown.message : ""}; ${remedyOf(thrown)}`,
      {
        cause: thrown,
      },
    );
  }
}

/**
 * Makes the folder beside `to` that becomes it, mode 0700.
 * @throws Fault forbidden, unavailable
 */
function makePart(to: string): string {
  try {
    return mkdtempSync(`${to}.part-`);
  } catch (thrown) {
    const folder = dirname(to);
    if (!["EACCES", "EPERM", "EROFS"].includes(errorCode(thrown) ?? ""))
      throw new Fault("unavailable", `nothing can be written in ${folder}; ${remedyOf(thrown)}`, { cause: thrown });
    throw new Fault(
      "forbidden",
      `nothing can be written in ${folder} by this user: name a new folder in one of its own, ` +
        "which root makes for it: install -d -m 700 -o USER FOLDER",
      { cause: thrown },
    );
  }
}

function mayCopy(data: DataDirectory, to: string): void {
  if (!existsSync(data.path))
    throw new Fault("not-found", `there is no data directory ${data.path}: name it with --data-dir`);
  data.inspect();
  const own = process.getuid?.();
  const { uid } = lstatSync(realpathSync(data.path));
  if (own !== undefined && own !== uid)
    throw new Fault(
      "forbidden",
      `${data.path} belongs to another user, who could not use it any more: run this as that one (sudo -u '#${uid}' broker backup …)`,
    );
  if (data.holder()?.isElsewhere === true)
    throw new Fault(
      "conflict",
      `the broker of ${data.path} runs in another container or on another machine: run broker backup there`,
    );
  const found = lstatSync(to, { throwIfNoEntry: false });
  if (found !== undefined && !(found.isDirectory() && readdirSync(to).length === 0))
    throw new Fault("conflict", `${to} is there already: name a folder that is not, or that is empty`);
  if (!existsSync(dirname(to))) throw new Fault("not-found", `there is no folder ${dirname(to)}: make it first`);
  const inside = relative(realpathSync(data.path), join(realpathSync(dirname(to)), basename(to)));
  if (!inside.startsWith(".."))
    throw new Fault("conflict", `${to} is in the data directory itself, and would be copied, too: name another folder`);
}

/** Copies files and links; what vanishes meanwhile is left out. Nobody but their owner can read them. */
async function copyFolder(from: string, to: string, isTop: boolean): Promise<void> {
  const isLmdb = existsSync(join(from, "data.mdb"));
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const { name } = entry;
    if ((isTop && ofRunning.has(name)) || (isLmdb && ofLmdb.has(name)) || name.endsWith(".tmp")) continue; // being written
    const [source, copy] = [join(from, name), join(to, name)];
    try {
      if (entry.isDirectory()) {
        if (!existsSync(copy)) mkdirSync(copy, { mode: 0o700 });
        await copyFolder(source, copy, false);
      } else if (entry.isSymbolicLink()) await symlink(readlinkSync(source), copy);
      else if (entry.isFile()) {
        await copyFile(source, copy);
        await chmod(copy, 0o600);
        await syncPath(copy);
      }
    } catch (thrown) {
      if (errorCode(thrown) !== "ENOENT" || existsSync(source)) throw thrown;
    }
  }
  await syncPath(to);
}

function filesOf(folder: string): Pick<BackedUp, "files" | "bytes"> {
  let [files, bytes] = [0, 0];
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    files += 1;
    bytes += lstatSync(join(entry.parentPath, entry.name)).size;
  }
  return { files, bytes };
}

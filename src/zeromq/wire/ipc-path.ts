import { chmod, lstat, open, readFile, unlink } from "node:fs/promises";
import { createConnection } from "node:net";
import { dirname } from "node:path";
import { Fault } from "../../core/index.js";

/** A path that is ours until it is released. */
export interface OwnedPath {
  release(): Promise<void>;
}

const connectMs = 1_000;
/** A broker that is still starting has this long to open its socket. */
const startingMs = 5_000;

/**
 * Makes a path ready for a Unix socket of ours. libzmq's bind takes a live broker's path away and deletes a regular
 * file; this does neither: the owner's pid stands in a lock file beside the socket, and what a dead owner left is
 * removed.
 * @throws Fault conflict, malformed (its folder is not there), naming the path and the remedy
 */
export async function claimPath(path: string): Promise<OwnedPath> {
  await refuseWithoutFolder(dirname(path));
  const lock = `${path}.lock`;
  if (!(await writeLock(lock))) {
    await refuseIfOwned(path, lock);
    await remove(lock);
    if (!(await writeLock(lock)))
      throw new Fault("conflict", `another broker has just taken ${path}: stop it or choose another path`);
  }
  try {
    await clearPath(path);
  } catch (thrown) {
    await remove(lock);
    throw thrown;
  }
  return { release: () => remove(lock) };
}

/** No folder is made here: one made for a mistyped path would hide the mistake. */
async function refuseWithoutFolder(folder: string): Promise<void> {
  if ((await lstat(folder).catch(ifMissing)) === undefined)
    throw new Fault(
      "malformed",
      `there is no folder ${folder}: make it (mkdir -m 700 ${folder}), or choose another path`,
    );
}

/** Keeps other users of the machine out of a socket, whatever its directory allows. */
export async function closeToOthers(path: string): Promise<void> {
  await chmod(path, 0o600);
}

async function clearPath(path: string): Promise<void> {
  const found = await lstat(path).catch(ifMissing);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new Fault(
      "conflict",
      `${path} exists and is not a socket: it is left as it is; move it away or choose another path`,
    );
  }
  if (await answers(path))
    throw new Fault("conflict", `another program listens at ${path}: stop it or choose another path`);
  await remove(path);
}

async function refuseIfOwned(path: string, lock: string): Promise<void> {
  const written = await readFile(lock, "utf8").catch(ifMissing);
  const pid = Number(written?.trim());
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return;
  const at = await lstat(lock).catch(ifMissing);
  const isYoung = at !== undefined && Date.now() - at.mtimeMs < startingMs;
  // A pid may have been given to another program since: only a socket that answers proves the owner.
  if (isYoung || (await answers(path))) {
    throw new Fault("conflict", `another broker (pid ${pid}) listens at ${path}: stop it or choose another path`);
  }
}

async function writeLock(lock: string): Promise<boolean> {
  try {
    const file = await open(lock, "wx", 0o600);
    try {
      await file.writeFile(`${process.pid}\n`);
    } finally {
      await file.close();
    }
    return true;
  } catch (thrown) {
    if (codeOf(thrown) === "EEXIST") return false;
    throw new Fault("unavailable", `cannot write ${lock}: ${String(codeOf(thrown) ?? thrown)}`, { cause: thrown });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return codeOf(thrown) === "EPERM";
  }
}

/** True if somebody accepts connections at a Unix socket. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    const settle = (answer: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => {
      settle(true); // its queue is full, so somebody listens
    }, connectMs);
    socket.once("connect", () => {
      settle(true);
    });
    socket.once("error", () => {
      settle(false);
    });
  });
}

async function remove(path: string): Promise<void> {
  await unlink(path).catch(ifMissing);
}

function ifMissing(thrown: unknown): undefined {
  if (codeOf(thrown) !== "ENOENT") throw thrown;
  return undefined;
}

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
}

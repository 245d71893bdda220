import { randomBytes } from "node:crypto";
import { chmod, link, lstat, rename, unlink } from "node:fs/promises";
import { createConnection } from "node:net";
import { dirname, join } from "node:path";
import { Fault } from "../../core/index.js";

/** The longest path of a Unix socket in bytes: 108 on Linux, 104 elsewhere, with the zero that ends it. */
export const socketPathMaxBytes = process.platform === "linux" ? 107 : 103;

const connectMs = 1_000;

/**
 * Makes a path ready for a Unix socket of ours. libzmq's bind takes a live broker's path away and deletes a regular
 * file; this does neither. Whether somebody listens is asked of the system, which answers for the living only: process
 * numbers of another container, or from before a restart, would name the wrong one.
 * @throws Fault conflict, malformed (its folder is not there), naming the path and the remedy
 */
export async function claimPath(path: string): Promise<void> {
  await refuseWithoutFolder(dirname(path));
  const found = await lstat(path).catch(ifMissing);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new Fault(
      "conflict",
      `${path} exists and is not a socket: it is left as it is; move it away or choose another path`,
    );
  }
  if ((await answers(path)) || !(await removeDead(path))) throw inUse(path);
}

function inUse(path: string): Fault {
  return new Fault("conflict", `another program listens at ${path}: stop it or choose another path`);
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

/**
 * Removes a socket at which nobody listens. Another broker may have put its own there since we asked: then that is put
 * back. @returns false if there is one that listens
 */
async function removeDead(path: string): Promise<boolean> {
  // A short name: its path, too, must fit into a socket's address.
  const aside = join(dirname(path), randomBytes(2).toString("hex"));
  try {
    await rename(path, aside);
  } catch (thrown) {
    ifMissing(thrown);
    return true; // the other one has removed it
  }
  const isLiving = await answers(aside);
  if (isLiving) await link(aside, path).catch(ifTaken);
  await unlink(aside).catch(ifMissing);
  return !isLiving;
}

/** Nobody listens; there is no such file any more; it is no socket. */
const dead: ReadonlySet<unknown> = new Set(["ECONNREFUSED", "ENOENT", "ENOTSOCK"]);

/** True if somebody listens at a Unix socket, whether he comes to answer or not. */
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
    // Also where too many wait already, or the socket is another user's.
    socket.once("error", (error) => {
      settle(!dead.has(codeOf(error)));
    });
  });
}

function ifMissing(thrown: unknown): undefined {
  if (codeOf(thrown) !== "ENOENT") throw thrown;
  return undefined;
}

function ifTaken(thrown: unknown): undefined {
  if (codeOf(thrown) !== "EEXIST") throw thrown;
  return undefined;
}

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
}

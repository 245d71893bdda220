import { lstat, rename, unlink } from "node:fs/promises";
import { errorCode } from "../storage/remedy.js";

/** An older file that could not be replaced or moved: a folder, a mounted file, one of another user. */
interface Stuck {
  readonly path: string;
  readonly error: unknown;
}

/**
 * Makes room for a new file: `path` becomes `.1`, `.1` becomes `.2` …, and the last of `filesMax` goes if there are as
 * many. What is stuck at one of these names stays there, and the others pass over it.
 * @returns what is stuck; if it is as many as `filesMax`, nothing has changed
 * @throws Error the system's: `path` itself cannot be renamed
 */
export async function moveUp(path: string, filesMax: number): Promise<readonly Stuck[]> {
  const stuck: Stuck[] = [];
  const names = Array.from({ length: filesMax }, (_, at) => `${path}.${String(at + 1)}`);
  let free: string | undefined;
  // Nothing is removed while a name is free: whoever tries again and again loses one file at most.
  for (const name of names.slice(0, await untilFree(names)).reverse()) {
    try {
      await (free === undefined ? ifThere(unlink(name)) : ifThere(rename(name, free)));
      free = name;
    } catch (error) {
      stuck.push({ path: name, error });
    }
  }
  if (free !== undefined) await ifThere(rename(path, free));
  return stuck;
}

/** How many of `names` there are up to the first that is free, with it. */
async function untilFree(names: readonly string[]): Promise<number> {
  for (const [at, name] of names.entries()) if ((await ifThere(lstat(name))) === undefined) return at + 1;
  return names.length;
}

/** @returns undefined if there is no such file */
async function ifThere<T>(done: Promise<T>): Promise<T | undefined> {
  try {
    return await done;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

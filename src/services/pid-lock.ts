import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, renameSync, rmSync } from "node:fs";
import { z } from "zod";
import { errorCode, makeFile, readIfThere } from "./atomic-file.js";

const holderForm = z.object({ pid: z.int().positive(), started: z.string().optional() });

/** The process that holds a lock. */
export type LockHolder = z.infer<typeof holderForm>;

/** A lock file that names its process. One whose process is dead counts as free. */
export class PidLock {
  readonly #path: string;
  readonly #text: string;

  private constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text;
  }

  /** Takes the lock, or says who has it. */
  static take(path: string): PidLock | LockHolder {
    const started = startOf(process.pid);
    const text = `${JSON.stringify({ pid: process.pid, ...(started !== undefined && { started }) })}\n`;
    for (;;) {
      if (makeFile(path, text)) return new PidLock(path, text);
      const holder = PidLock.holder(path) ?? removeStale(path);
      if (holder !== undefined) return holder;
    }
  }

  /** The living process that holds the lock. */
  static holder(path: string): LockHolder | undefined {
    return livingHolder(readIfThere(path));
  }

  /** Gives the lock back, unless it has become somebody else's. */
  release(): void {
    if (readIfThere(this.#path) === this.#text) rmSync(this.#path, { force: true });
  }
}

/** Takes a dead process's lock away. Two may try at once, and one of them may find the other's new lock: that is put back. */
function removeStale(path: string): LockHolder | undefined {
  const aside = `${path}.${randomBytes(6).toString("hex")}.old`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const holder = livingHolder(readFileSync(aside, "utf8"));
    if (holder !== undefined) linkSync(aside, path);
    return holder;
  } finally {
    rmSync(aside, { force: true });
  }
}

function livingHolder(text: string | undefined): LockHolder | undefined {
  if (text === undefined) return undefined;
  const read = holderForm.safeParse(parse(text));
  if (!read.success || !isAlive(read.data.pid)) return undefined;
  // The pid may have gone to another process since: then it started at another time, where the system tells.
  const { started } = read.data;
  const now = startOf(read.data.pid);
  return started === undefined || now === undefined || started === now ? read.data : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not written by us: nobody holds it
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}

/** When a process started: which boot, and how many ticks after it. Undefined where there is no /proc. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, "latin1");
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    // Fields are counted after the command's name, which stands in parentheses and may hold anything; the 22nd is the start.
    const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return ticks === undefined ? undefined : `${boot} ${ticks}`;
  } catch {
    return undefined; // another system, or the process is gone
  }
}

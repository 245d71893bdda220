import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { z } from "zod";
import { errorCode, makeFile, readIfThere } from "./atomic-file.js";

const holderForm = z.object({
  pid: z.int().positive(),
  started: z.string().optional(),
  pidNamespace: z.string().optional(),
});

/**
 * The process that holds a lock. `isElsewhere`: its pid is another container's or another machine's, and means nothing
 * here.
 */
export type LockHolder = Pick<z.infer<typeof holderForm>, "pid"> & { readonly isElsewhere: boolean };

/** A holder touches its file this often, milliseconds: what another container can see of its life. */
const beatMs = 2_000;
/** A holder elsewhere that has not touched its file for so long is dead, milliseconds. */
export const beatLostMs = 10_000;

/** A lock file that names its process. One whose process is dead counts as free. */
export class PidLock {
  readonly #path: string;
  readonly #text: string;
  readonly #lost: () => void;
  readonly #beat: NodeJS.Timeout;

  private constructor(path: string, text: string, lost: () => void) {
    this.#path = path;
    this.#text = text;
    this.#lost = lost;
    this.#beat = setInterval(() => {
      this.#touch();
    }, beatMs).unref();
  }

  /**
   * Takes the lock, or says who has it.
   * @param lost called once if somebody else has taken it since: to another container, a holder that was stopped for
   * long looks dead. Without it nothing is watched before a dead holder's lock is taken, which takes 6 s where it was
   * held elsewhere
   */
  static take(path: string, lost?: () => void): PidLock | LockHolder {
    const started = startOf(process.pid);
    const pidNamespace = ownNamespace();
    const holder = {
      pid: process.pid,
      ...(started !== undefined && { started }),
      ...(pidNamespace !== undefined && { pidNamespace }),
    };
    const text = `${JSON.stringify(holder)}\n`;
    for (;;) {
      if (makeFile(path, text)) return new PidLock(path, text, lost ?? (() => undefined));
      const other = PidLock.holder(path) ?? (lost === undefined ? undefined : beatingHolder(path)) ?? removeStale(path);
      if (other !== undefined) return other;
    }
  }

  /** The living process that holds the lock. */
  static holder(path: string): LockHolder | undefined {
    return livingHolder(path);
  }

  /** False once it has become somebody else's. */
  get isOwn(): boolean {
    return readIfThere(this.#path) === this.#text;
  }

  /** Gives the lock back, unless it has become somebody else's. */
  release(): void {
    clearInterval(this.#beat);
    if (this.isOwn) rmSync(this.#path, { force: true });
  }

  #touch(): void {
    try {
      const now = new Date();
      if (this.isOwn) utimesSync(this.#path, now, now);
      else {
        clearInterval(this.#beat);
        this.#lost();
      }
    } catch {
      // The file system is gone or read-only: nobody can take the lock there, either.
    }
  }
}

/**
 * Takes a dead process's lock away. Two may try at once, and one of them may find the other's new lock: that is put
 * back.
 */
function removeStale(path: string): LockHolder | undefined {
  const aside = `${path}.${randomBytes(6).toString("hex")}.old`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const holder = livingHolder(aside);
    if (holder !== undefined) putBack(aside, path);
    return holder;
  } finally {
    rmSync(aside, { force: true });
  }
}

/** A process that has locked meanwhile keeps the lock; the former holder notices at its next beat that it lost it. */
function putBack(aside: string, path: string): void {
  try {
    linkSync(aside, path);
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  }
}

/**
 * A holder elsewhere whose file looks old, but is touched while we watch: a clock was set, or a machine slept. Waits
 * for three beats, once, before a dead one's lock is taken.
 */
function beatingHolder(path: string): LockHolder | undefined {
  const elsewhere = elsewhereHolder(path);
  const before = touchedAt(path);
  if (elsewhere === undefined || before === undefined) return undefined;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3 * beatMs);
  const after = touchedAt(path);
  return after !== undefined && after !== before ? elsewhere : undefined;
}

/** Who holds a lock elsewhere, living or dead. */
function elsewhereHolder(path: string): LockHolder | undefined {
  const read = holderForm.safeParse(parse(readIfThere(path) ?? ""));
  return read.success && isElsewhere(read.data) ? { pid: read.data.pid, isElsewhere: true } : undefined;
}

function isElsewhere({ started, pidNamespace }: z.infer<typeof holderForm>): boolean {
  return (
    pidNamespace !== undefined && (pidNamespace !== ownNamespace() || bootOf(started) !== bootOf(startOf(process.pid)))
  );
}

function livingHolder(path: string): LockHolder | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const read = holderForm.safeParse(parse(text));
  if (!read.success) return undefined;
  const { pid, started } = read.data;
  if (isElsewhere(read.data)) return isTouched(path) ? { pid, isElsewhere: true } : undefined;
  if (!isAlive(pid)) return undefined;
  // The pid may have gone to another process since: then it started at another time, where the system tells.
  const now = startOf(pid);
  return started === undefined || now === undefined || started === now ? { pid, isElsewhere: false } : undefined;
}

/** A clock that was set back makes no holder immortal. */
function isTouched(path: string): boolean {
  const at = touchedAt(path);
  return at !== undefined && Math.abs(Date.now() - at) < beatLostMs;
}

function touchedAt(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
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
    // Fields are counted after the command's name, which stands in parentheses and may hold anything; the 22nd is the
    // start.
    const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return ticks === undefined ? undefined : `${boot} ${ticks}`;
  } catch {
    return undefined; // another system, or the process is gone
  }
}

function bootOf(started: string | undefined): string | undefined {
  return started?.split(" ", 1)[0];
}

/** Within what pids are this process's: containers have their own. Undefined where there is no /proc. */
function ownNamespace(): string | undefined {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return undefined; // another system
  }
}

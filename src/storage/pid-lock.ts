import { randomBytes } from "node:crypto";
import { linkSync, lstatSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { makeFile, mustBeRegular, readIfThere } from "./atomic-file.js";
import { isAliveAt, isLifeSocket, LifeSocket } from "./life-socket.js";
import { bootOf, isRunning, ownNamespace, startOf } from "./process-life.js";
import { errorCode } from "./remedy.js";

const holderForm = z.object({
  pid: z.int().positive(),
  started: z.string().optional(),
  pidNamespace: z.string().optional(),
  /** Its life socket, in the lock's folder. */
  life: z.string().refine(isLifeSocket).optional(),
});
type Holder = z.infer<typeof holderForm>;

/**
 * The process that holds a lock. `isElsewhere`: its pid is another container's or another machine's, and means nothing
 * here. `freeAfterMs`: if it was killed, the lock counts as free so long after that.
 */
export interface LockHolder {
  readonly pid: number;
  readonly isElsewhere: boolean;
  readonly freeAfterMs: number;
}

/** A holder touches its file this often, milliseconds: what another machine can see of its life. */
const beatMs = 2_000;
/** A holder elsewhere that has not touched its file for so long is dead, milliseconds. */
export const beatLostMs = 10_000;

/**
 * A lock file that names its process. One whose process is dead counts as free: at once on this machine, in whatever
 * container it was (its life socket tells); by the time of its last sign of life elsewhere.
 */
export class PidLock {
  readonly #path: string;
  readonly #text: string;
  readonly #life: LifeSocket | undefined;
  readonly #lost: () => void;
  readonly #beat: NodeJS.Timeout;

  private constructor(path: string, text: string, life: LifeSocket | undefined, lost: () => void) {
    this.#path = path;
    this.#text = text;
    this.#life = life;
    this.#lost = lost;
    this.#beat = setInterval(() => {
      this.#touch();
    }, beatMs).unref();
  }

  /**
   * Takes the lock, or says who has it.
   * @param lost called once if somebody else has taken it since: to another machine, a holder that was stopped for long
   * looks dead. Without it nothing is watched before a dead holder's lock is taken, which takes 6 s where it was held
   * elsewhere and has no life socket
   * @throws Fault unavailable: the disk is full or failed
   */
  static async take(path: string, lost?: () => void): Promise<PidLock | LockHolder> {
    // Before the lock names it: whoever reads the name finds somebody who listens.
    const life = await LifeSocket.open(dirname(path));
    try {
      const text = `${JSON.stringify(ownHolder(life))}\n`;
      for (;;) {
        if (makeFile(path, text)) return new PidLock(path, text, life, lost ?? (() => undefined));
        const other = await livingOrRemoved(path, lost !== undefined);
        if (other === undefined) continue;
        life?.close();
        return other;
      }
    } catch (error) {
      life?.close();
      throw error;
    }
  }

  /** The living process that holds the lock, as far as can be seen at once. */
  static holder(path: string): LockHolder | undefined {
    const holder = holderIn(readIfThere(path));
    return holder === undefined ? undefined : bySigns(path, holder);
  }

  /** False once it has become somebody else's. */
  get isOwn(): boolean {
    return readIfThere(this.#path) === this.#text;
  }

  /** Gives the lock back, unless it has become somebody else's. */
  release(): void {
    clearInterval(this.#beat);
    if (this.isOwn) rmSync(this.#path, { force: true });
    this.#life?.close();
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

function ownHolder(life: LifeSocket | undefined): Holder {
  const started = startOf(process.pid);
  const pidNamespace = ownNamespace();
  return {
    pid: process.pid,
    ...(started !== undefined && { started }),
    ...(pidNamespace !== undefined && { pidNamespace }),
    ...(life !== undefined && { life: life.name }),
  };
}

/** The living holder of a lock; a dead one's is taken away. */
async function livingOrRemoved(path: string, watches: boolean): Promise<LockHolder | undefined> {
  // A link to nothing would be there for whoever makes the lock, and not for whoever reads it, for ever.
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found !== undefined) mustBeRegular(path, found);
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const holder = holderIn(text);
  const life = holder === undefined ? undefined : lifeOf(path, holder);
  if (holder !== undefined) {
    const living =
      life === undefined
        ? (bySigns(path, holder) ?? (watches ? await byBeat(path, holder) : undefined))
        : (await isAliveAt(life))
          ? { pid: holder.pid, isElsewhere: isElsewhere(holder), freeAfterMs: 0 }
          : bySameProcess(path, holder);
    if (living !== undefined) return living;
  }
  removeStale(path, text);
  if (life !== undefined) rmSync(life, { force: true });
  return undefined;
}

/**
 * Where the life socket of a holder is; undefined if it has none, or another machine's, of which ours knows nothing.
 */
function lifeOf(path: string, { life, started }: Holder): string | undefined {
  const boot = bootOf(started);
  return life !== undefined && boot !== undefined && boot === bootOf(startOf(process.pid))
    ? join(dirname(path), life)
    : undefined;
}

/**
 * Takes a dead process's lock away, known by its text. Two may try at once, and one of them may find the other's new
 * lock: that is put back.
 */
function removeStale(path: string, text: string): void {
  const aside = `${path}.${randomBytes(6).toString("hex")}.old`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return;
    throw error;
  }
  try {
    if (readFileSync(aside, "utf8") !== text) putBack(aside, path);
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

/** A holder whose life socket somebody has removed: it lives if the process that has its pid began when it did. */
function bySameProcess(path: string, holder: Holder): LockHolder | undefined {
  return holder.started === undefined || isElsewhere(holder) ? undefined : bySigns(path, holder);
}

/** The holder if it lives, by its pid, or elsewhere by the age of its last beat. */
function bySigns(path: string, holder: Holder): LockHolder | undefined {
  const { pid, started } = holder;
  if (isElsewhere(holder)) return isTouched(path) ? elsewhere(holder) : undefined;
  if (!isRunning(pid)) return undefined;
  // The pid may have gone to another process since: then it started at another time, where the system tells.
  const now = startOf(pid);
  return started === undefined || now === undefined || started === now
    ? { pid, isElsewhere: false, freeAfterMs: 0 }
    : undefined;
}

/**
 * A holder elsewhere whose file looks old, but is touched while we watch: a clock was set, or a machine slept. Waits
 * for three beats, once, before a dead one's lock is taken.
 */
async function byBeat(path: string, holder: Holder): Promise<LockHolder | undefined> {
  const before = touchedAt(path);
  if (!isElsewhere(holder) || before === undefined) return undefined;
  await sleep(3 * beatMs);
  const after = touchedAt(path);
  return after !== undefined && after !== before ? elsewhere(holder) : undefined;
}

function elsewhere({ pid }: Holder): LockHolder {
  return { pid, isElsewhere: true, freeAfterMs: beatLostMs };
}

function isElsewhere({ started, pidNamespace }: Holder): boolean {
  return (
    pidNamespace !== undefined && (pidNamespace !== ownNamespace() || bootOf(started) !== bootOf(startOf(process.pid)))
  );
}

/** A clock that was set back makes no holder immortal. */
function isTouched(path: string): boolean {
  const at = touchedAt(path);
  return at !== undefined && Math.abs(Date.now() - at) < beatLostMs;
}

function touchedAt(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}

/** Undefined if there is no file, or we have not written it: nobody holds it. */
function holderIn(text: string | undefined): Holder | undefined {
  if (text === undefined) return undefined;
  try {
    return holderForm.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

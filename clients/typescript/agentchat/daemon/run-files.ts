import { execFileSync } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { fileFailure } from "./errors.js";
import { codeOf, readIfThere, replaceFile } from "./files.js";
import type { DaemonPaths } from "./instance-folder.js";
import type { DaemonLog } from "./log.js";
import type { UplinkState } from "./uplink.js";

const daemonRun = z.object({
  pid: z.int().positive(),
  /** {@link processStart} of that pid. */
  start: z.string(),
  /** Milliseconds since 1970. */
  startedAt: z.number(),
  server: z.string(),
  /** Those it was started with. */
  channels: z.array(z.string()).readonly(),
  /** Absolute path. */
  identity: z.string().exactOptional(),
  connected: z.boolean().exactOptional(),
  /** With `@`: as it was welcomed last. */
  agentId: z.string().exactOptional(),
  /** Why it is not connected. */
  lastError: z.string().exactOptional(),
  joined: z.array(z.string()).readonly().exactOptional(),
  notJoined: z
    .array(z.object({ channel: z.string(), code: z.string() }).readonly())
    .readonly()
    .exactOptional(),
  /** Lines of the outbox that were set aside since it started. */
  rejectedLines: z.int().nonnegative().exactOptional(),
});

/** A daemon, as its files tell it: whether it runs, {@link runningDaemon} knows. */
export type DaemonRun = Readonly<z.infer<typeof daemonRun>>;

/** An empty lock of this age was left by a process that was killed while it took the lock. */
const lockStaleMs = 2_000;
const lockTries = 500;

/** The daemon that runs as this instance; undefined if none does, or if the process of that id is another one. */
export function runningDaemon(paths: DaemonPaths): DaemonRun | undefined {
  const run = lastDaemon(paths);
  const pid = Number(readIfThere(paths.pid)?.trim());
  return run?.pid === pid && processStart(pid) === run.start ? run : undefined;
}

/** What the last daemon of this instance has written, running or not; undefined if there is no such file of ours. */
export function lastDaemon({ run }: DaemonPaths): DaemonRun | undefined {
  const text = readIfThere(run);
  if (text === undefined) return undefined;
  try {
    return daemonRun.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // no JSON: not written by us
  }
}

/**
 * Makes this process the daemon of an instance.
 * @throws Error if one runs, the files cannot be written, or the signal comes first
 */
export async function claimPidFile(
  paths: DaemonPaths,
  about: Pick<DaemonRun, "server" | "channels" | "identity">,
  signal: AbortSignal,
): Promise<DaemonRun> {
  const { pid } = process;
  const start = processStart(pid);
  if (start === undefined)
    throw new Error(
      "cannot tell when this process started, so a later --stop could not know it: /proc or ps is needed",
    );
  const release = await lock(`${paths.pid}.lock`, start, signal);
  try {
    const other = runningDaemon(paths);
    if (other !== undefined)
      throw new Error(
        `a daemon of this name is running already (pid ${other.pid}); stop it, or give this one another name`,
      );
    const run: DaemonRun = { pid, start, startedAt: Date.now(), ...about };
    writeRun(paths, run);
    replaceFile(paths.pid, `${pid}\n`);
    return run;
  } finally {
    release();
  }
}

/**
 * Writes how this process's daemon is, between {@link claimPidFile} and {@link releasePidFile}.
 * @throws NodeJS.ErrnoException
 */
export function writeRun(paths: DaemonPaths, run: DaemonRun): void {
  replaceFile(paths.run, `${JSON.stringify(run)}\n`);
}

/**
 * False if somebody has removed the files that {@link claimPidFile} has written, or another daemon has claimed them;
 * true also where that cannot be told for now.
 */
export function holdsPidFile(paths: DaemonPaths, { pid, start }: DaemonRun): boolean {
  try {
    return readIfThere(paths.pid)?.trim() === String(pid) && lastDaemon(paths)?.start === start;
  } catch (thrown) {
    if (codeOf(thrown) === undefined) throw thrown;
    return codeOf(thrown) !== "ENOTDIR";
  }
}

/** Ends {@link claimPidFile}; leaves alone what is not this process's. How the daemon ended stays written. */
export function releasePidFile(paths: DaemonPaths): void {
  if (runningDaemon(paths)?.pid !== process.pid) return;
  rmSync(paths.pid, { force: true });
}

/** Lets processes that start at once do this one after the other. @throws Error */
async function lock(path: string, start: string, signal: AbortSignal): Promise<() => void> {
  for (let tries = 0; tries < lockTries; tries += 1) {
    signal.throwIfAborted();
    try {
      writeFileSync(path, JSON.stringify([process.pid, start]), { flag: "wx", mode: 0o600 });
      return () => {
        rmSync(path, { force: true });
      };
    } catch (thrown) {
      if (codeOf(thrown) !== "EEXIST") throw thrown;
    }
    if (!isLeft(path) || !removeLeft(path)) await wait(20);
  }
  throw new Error(`${path} stays locked; delete it if no daemon is being started`);
}

/**
 * Removes the lock of a process that has ended. Only one process at a time judges and removes: another one, which had
 * judged before, would remove the lock that somebody has taken since.
 * @returns false if another process is about to
 */
function removeLeft(path: string): boolean {
  const removing = `${path}.removing`;
  try {
    closeSync(openSync(removing, "wx", 0o600));
  } catch (thrown) {
    if (codeOf(thrown) !== "EEXIST") throw thrown;
    if (isOlder(removing, lockStaleMs)) rmSync(removing, { force: true }); // killed within these few lines
    return false;
  }
  try {
    if (isLeft(path)) rmSync(path, { force: true });
  } finally {
    rmSync(removing, { force: true });
  }
  return true;
}

/** True for the lock of a process that has ended. */
function isLeft(path: string): boolean {
  const held = /^\[(\d+),"([^"]+)"\]$/.exec(readIfThere(path) ?? "");
  if (held !== null) return processStart(Number(held[1])) !== held[2];
  return isOlder(path, lockStaleMs); // killed between making the file and writing it
}

function isOlder(path: string, ms: number): boolean {
  const since = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return since !== undefined && Math.abs(Date.now() - since) > ms;
}

/**
 * When a process started, as a text that no other process of that id will ever have: boot and clock ticks from `/proc`,
 * elsewhere what `ps` says. Undefined if there is no such process, or it has ended and waits for its parent, or nothing
 * can be learned.
 */
export function processStart(pid: number): string | undefined {
  return process.platform === "linux" ? startOnLinux(pid) : startByPs(pid);
}

function startOnLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // proc(5): the second field is a name in brackets that may hold anything; state is the third, starttime the 22nd.
    const [state, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = rest[18];
    if (ticks === undefined || state === "Z" || state === "X") return undefined;
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()}:${ticks}`;
  } catch {
    return undefined; // no such process
  }
}

function startByPs(pid: number): string | undefined {
  try {
    const said = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], {
      encoding: "utf8",
      timeout: 2_000,
    }).trim();
    return said === "" || said.startsWith("Z") ? undefined : said.replace(/^\S+\s+/, "");
  } catch {
    return undefined; // no such process, or no ps
  }
}

/** After a write that failed, milliseconds. */
const retryMs = 1_000;

/** Keeps `daemon.json` as the daemon is, replaced in one step; what cannot be written is written when it can be. */
export class RunState {
  readonly #paths: DaemonPaths;
  readonly #log: DaemonLog;
  readonly #claimed: DaemonRun;
  #run: DaemonRun;
  #agentId: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failing = false;

  /** @param claimed what `claimPidFile` has written */
  constructor(paths: DaemonPaths, claimed: DaemonRun, log: DaemonLog) {
    this.#paths = paths;
    this.#claimed = claimed;
    this.#run = claimed;
    this.#log = log;
  }

  /** Sets the daemon's present state. */
  set({ connected, agentId, lastError, joined, notJoined }: UplinkState, rejectedLines: number): void {
    // With a key the agent keeps its id while there is no connection.
    this.#agentId = agentId ?? (this.#claimed.identity === undefined ? undefined : this.#agentId);
    this.#run = {
      ...this.#claimed,
      connected,
      joined,
      notJoined,
      rejectedLines,
      ...(this.#agentId !== undefined && { agentId: this.#agentId }),
      ...(lastError !== undefined && { lastError }),
    };
    this.#write();
  }

  /** Stops writing. */
  close(): void {
    clearTimeout(this.#timer);
  }

  #write(): void {
    clearTimeout(this.#timer);
    try {
      writeRun(this.#paths, this.#run);
      this.#failing = false;
    } catch (thrown) {
      if (!this.#failing)
        this.#log.warn(fileFailure(thrown), "daemon.json cannot be written; its status is an old one until it can");
      this.#failing = true;
      this.#timer = setTimeout(() => {
        this.#write();
      }, retryMs);
    }
  }
}

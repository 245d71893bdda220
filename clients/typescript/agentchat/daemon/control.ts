import { readdirSync, statSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import type { NotJoined } from "./channels.js";
import { codeOf, readIfThere } from "./files.js";
import { daemonsDir, defaultInstance, getDaemonPaths, isInstanceName, type DaemonPaths } from "./instance-folder.js";
import { loadProgress } from "./outbox-progress.js";
import { lastDaemon, runningDaemon, type DaemonRun } from "./run-files.js";

/** The state of an instance, running or not. */
export interface DaemonStatus {
  readonly instance: string;
  readonly running: boolean;
  /**
   * Code of the operating system, such as `EACCES`: some of its files cannot be read, so some fields are missing, and
   * perhaps it is unknown whether it runs.
   */
  readonly unreadable?: string;
  readonly pid?: number;
  readonly server?: string;
  /** The channels that it was started with. */
  readonly channels?: readonly string[];
  /** Milliseconds since 1970. */
  readonly startedAt?: number;
  /** Absolute path of its identity.json, running or not; absent if it has none. */
  readonly identity?: string;
  /** True while it is connected; false if it does not run. */
  readonly connected: boolean;
  /** Its last `@agent-id`, while it runs; without an identity only while it is connected. */
  readonly agentId?: string;
  /**
   * Why it is not connected, such as `connect ECONNREFUSED 127.0.0.1:6667`; if it does not run, why it was not
   * connected when it ended.
   */
  readonly lastError?: string;
  /** Channels where it is now. */
  readonly joined?: readonly string[];
  /**
   * Channels that it could not join, with the server's code; it tries again after CHANNEL_NOT_FOUND and NOT_INVITED.
   */
  readonly notJoined?: readonly NotJoined[];
  /** Lines of the outbox that were set aside since it started, while it runs. */
  readonly rejectedLines?: number;
  readonly inboxPath: string;
  readonly outboxPath: string;
  readonly logPath: string;
  /** Messages in the inbox, at most 1,000; absent if it cannot be read. */
  readonly inboxLines?: number;
  /**
   * Bytes of the outbox that are not sent yet; absent if its record is damaged (the next start says how).
   */
  readonly unsentBytes?: number;
}

/** The result of a stop. */
export interface DaemonStopped {
  readonly instance: string;
  readonly stopped: boolean;
  readonly pid?: number;
  /** Why it was not stopped. */
  readonly reason?: string;
}

/**
 * True if a daemon of this name runs. A stale pid file counts as none: its process id may belong to another program
 * now.
 * @throws Error for a name that is not allowed
 */
export function isDaemonRunning(instance: string = defaultInstance, dir: string = process.cwd()): boolean {
  return runningDaemon(getDaemonPaths(instance, dir)) !== undefined;
}

/**
 * The state of one instance. It says which files cannot be read.
 * @throws Error for a name that is not allowed
 */
export function getDaemonStatus(instance: string = defaultInstance, dir: string = process.cwd()): DaemonStatus {
  const paths = getDaemonPaths(instance, dir);
  const read = new TolerantReader();
  const run = read.try(() => runningDaemon(paths));
  const { identity, lastError } = run ?? read.try(() => lastDaemon(paths)) ?? {};
  const unsent = read.try(() => unsentBytes(paths));
  const inboxLines = read.try(() => (readIfThere(paths.inbox)?.match(/\n/g) ?? []).length);
  return {
    instance,
    running: run !== undefined,
    ...(read.failure !== undefined && { unreadable: read.failure }),
    connected: run?.connected ?? false,
    ...(run !== undefined && whileRunning(run)),
    ...(identity !== undefined && { identity }),
    ...(lastError !== undefined && { lastError }),
    inboxPath: paths.inbox,
    outboxPath: paths.outbox,
    logPath: paths.log,
    ...(inboxLines !== undefined && { inboxLines }),
    ...(unsent !== undefined && { unsentBytes: unsent }),
  };
}

/** Every instance that has files here, by name. */
export function listDaemons(dir: string = process.cwd()): readonly DaemonStatus[] {
  return instancesIn(dir).map((instance) => getDaemonStatus(instance, dir));
}

/**
 * Asks a daemon to stop (SIGTERM) and waits until it has.
 * @param options `timeoutMs`: how long at most, milliseconds; the daemon is never killed
 * @throws Error for a name that is not allowed
 */
export async function stopDaemon(
  instance: string = defaultInstance,
  dir: string = process.cwd(),
  { timeoutMs = 10_000 }: { readonly timeoutMs?: number } = {},
): Promise<DaemonStopped> {
  const paths = getDaemonPaths(instance, dir);
  const run = runningDaemon(paths);
  if (run === undefined) return { instance, stopped: false, reason: "no daemon of this name is running" };
  const { pid } = run;
  try {
    process.kill(pid, "SIGTERM");
  } catch (thrown) {
    if (codeOf(thrown) !== "ESRCH")
      return {
        instance,
        stopped: false,
        pid,
        reason: `pid ${pid} cannot be signalled: ${String(codeOf(thrown))}; are you its user?`,
      };
  }
  const end = performance.now() + timeoutMs;
  while (runningDaemon(paths)?.pid === pid) {
    if (performance.now() > end)
      return {
        instance,
        stopped: false,
        pid,
        reason: `pid ${pid} has not ended within ${timeoutMs} ms; its log says why, kill -9 ${pid} loses nothing`,
      };
    await wait(20);
  }
  return { instance, stopped: true, pid };
}

/** Stops every daemon that runs here, all at once. */
export async function stopAllDaemons(
  dir: string = process.cwd(),
  options: { readonly timeoutMs?: number } = {},
): Promise<readonly DaemonStopped[]> {
  const running = listDaemons(dir).filter((one) => one.running);
  return Promise.all(running.map(({ instance }) => stopDaemon(instance, dir, options)));
}

function whileRunning({
  pid,
  server,
  channels,
  startedAt,
  agentId,
  joined = [],
  notJoined = [],
  rejectedLines = 0,
}: DaemonRun): Partial<DaemonStatus> {
  return {
    pid,
    server,
    channels,
    startedAt,
    joined,
    notJoined,
    rejectedLines,
    ...(agentId !== undefined && { agentId }),
  };
}

function unsentBytes({ outbox, progress }: DaemonPaths): number | undefined {
  const now = statSync(outbox, { throwIfNoEntry: false, bigint: true });
  if (now === undefined) return 0;
  try {
    const sent = loadProgress(progress);
    return Number(now.size) - (sent?.ino === String(now.ino) && sent.offset <= now.size ? sent.offset : 0);
  } catch {
    return undefined; // the list goes on with the others
  }
}

function instancesIn(dir: string): readonly string[] {
  try {
    const entries = readdirSync(daemonsDir(dir), { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && isInstanceName(entry.name))
      .map(({ name }) => name)
      .sort();
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return [];
    throw thrown;
  }
}

/** Reads what can be read: an unreadable file hides neither the other files nor the other instances. */
export class TolerantReader {
  /** Code of the operating system for the first file that could not be read. */
  failure: string | undefined;

  /** The result of `read`; undefined if the system does not allow it to read. @throws every other error of `read` */
  try<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (thrown) {
      const code = codeOf(thrown);
      if (code === undefined) throw thrown;
      this.failure ??= code;
      return undefined;
    }
  }
}

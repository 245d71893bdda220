import { rmSync, statSync, writeFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { codeOf, readIfThere, replaceFile } from "./files.js";
import type { DaemonPaths } from "./paths.js";
import { processStart } from "./process-start.js";

/** A running daemon, as its files tell it. */
export interface DaemonRun {
  readonly pid: number;
  /** {@link processStart} of that pid. */
  readonly start: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly server: string;
  readonly channels: readonly string[];
}

/** An empty lock that old was left by a process killed while it took it. */
const lockStaleMs = 2_000;
const lockTries = 500;

/** The daemon that runs as this instance; undefined if none does, or if the process of that id is another one. */
export function runningDaemon(paths: DaemonPaths): DaemonRun | undefined {
  const run = readRun(paths);
  const pid = Number(readIfThere(paths.pid)?.trim());
  return run?.pid === pid && processStart(pid) === run.start ? run : undefined;
}

/** Makes this process the daemon of an instance. @throws Error if one runs, or the files cannot be written */
export async function claimPidFile(paths: DaemonPaths, about: Pick<DaemonRun, "server" | "channels">): Promise<void> {
  const { pid } = process;
  const start = processStart(pid);
  if (start === undefined) throw new Error("cannot tell when this process started, so a later --stop could not know it: /proc or ps is needed");
  const release = await lock(`${paths.pid}.lock`, start);
  try {
    const other = runningDaemon(paths);
    if (other !== undefined) throw new Error(`a daemon of this name is running already (pid ${other.pid}); stop it, or give this one another name`);
    const run: DaemonRun = { pid, start, startedAt: Date.now(), ...about };
    replaceFile(paths.run, `${JSON.stringify(run)}\n`);
    replaceFile(paths.pid, `${pid}\n`);
  } finally {
    release();
  }
}

/** Ends {@link claimPidFile}; leaves alone what is not this process's. */
export function releasePidFile(paths: DaemonPaths): void {
  if (runningDaemon(paths)?.pid !== process.pid) return;
  rmSync(paths.pid, { force: true });
  rmSync(paths.run, { force: true });
}

function readRun({ run }: DaemonPaths): DaemonRun | undefined {
  const text = readIfThere(run);
  if (text === undefined) return undefined;
  try {
    const read: unknown = JSON.parse(text);
    return isRun(read) ? read : undefined;
  } catch {
    return undefined; // not written by us: nobody we know runs
  }
}

function isRun(read: unknown): read is DaemonRun {
  if (typeof read !== "object" || read === null) return false;
  const { pid, start, startedAt, server, channels } = read as Partial<Record<keyof DaemonRun, unknown>>;
  return Number.isSafeInteger(pid) && Number(pid) > 0 && typeof start === "string" && typeof startedAt === "number" && typeof server === "string" && Array.isArray(channels);
}

/** Two that start at once take turns. @throws Error */
async function lock(path: string, start: string): Promise<() => void> {
  for (let tries = 0; tries < lockTries; tries += 1) {
    try {
      writeFileSync(path, JSON.stringify([process.pid, start]), { flag: "wx", mode: 0o600 });
      return () => {
        rmSync(path, { force: true });
      };
    } catch (thrown) {
      if (codeOf(thrown) !== "EEXIST") throw thrown;
    }
    if (isLeft(path)) rmSync(path, { force: true });
    else await wait(20);
  }
  throw new Error(`${path} stays locked; delete it if no daemon is being started`);
}

/** True for the lock of a process that has ended. */
function isLeft(path: string): boolean {
  const held = /^\[(\d+),"([^"]+)"\]$/.exec(readIfThere(path) ?? "");
  if (held !== null) return processStart(Number(held[1])) !== held[2];
  // Killed between making the file and writing it.
  const since = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return since !== undefined && Math.abs(Date.now() - since) > lockStaleMs;
}

import { accessSync, constants, existsSync, lstatSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { Fault } from "../core/index.js";
import { closeToOthers, mustBeRegular, readIfThere, replaceFile } from "./atomic-file.js";
import { PidLock, type LockHolder } from "./pid-lock.js";
import { errorCode } from "./remedy.js";

/** Where the data directory is, in the order of protocols §0.1. */
export interface DataDirectoryChoice {
  /** `--data-dir`. */
  readonly dataDir?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * The path of the data directory: as told, else SYNAPTIC_DATA_DIR, else XDG_DATA_HOME/synaptic-core, else
 * ~/.local/share/synaptic-core.
 */
export function resolveDataDirectory(choice: DataDirectoryChoice = {}): string {
  const env = choice.env ?? process.env;
  const told = [choice.dataDir, env["SYNAPTIC_DATA_DIR"]].find((path) => path !== undefined && path !== "");
  if (told !== undefined) return resolve(told);
  const xdg = env["XDG_DATA_HOME"];
  const base = xdg?.startsWith("/") === true ? xdg : join(env["HOME"] ?? homedir(), ".local", "share");
  return join(base, "synaptic-core");
}

/** The folder that holds a broker's secrets, sockets and `endpoints.json`; one living broker owns it at a time. */
export class DataDirectory {
  readonly path: string;
  /** No broker has ever run on it; known once it is claimed. */
  isNew = false;
  #lock: PidLock | undefined;

  constructor(path: string = resolveDataDirectory()) {
    this.path = resolve(path);
  }

  /** A file in it. */
  file(name: string): string {
    return join(this.path, name);
  }

  /**
   * Makes the folder if there is none.
   * @throws Fault forbidden if others can look into it, unavailable if it cannot be made
   */
  prepare(): void {
    try {
      makeFolder(this.path);
    } catch (error) {
      throw new Fault(
        "unavailable",
        `cannot make the data directory ${this.path}: ${words(error)}; choose another with --data-dir`,
        { cause: error },
      );
    }
    this.inspect();
  }

  /**
   * Looks whether it can be used, and makes nothing.
   * @throws Fault forbidden if others can look into it, unavailable if it cannot be made or written
   */
  inspect(): void {
    if (!existsSync(this.path)) {
      const above = nearest(this.path);
      if (!isWritable(above))
        throw new Fault(
          "unavailable",
          `cannot make the data directory ${this.path}: nothing can be made in ${above}; ` +
            "choose another with --data-dir",
        );
      return;
    }
    const found = statSync(this.path);
    if (!found.isDirectory())
      throw new Fault("unavailable", `${this.path} is no folder; choose another data directory with --data-dir`);
    const own = process.getuid?.();
    if (own !== undefined && own !== 0 && found.uid !== own) {
      throw new Fault(
        "forbidden",
        `the data directory ${this.path} belongs to another user; choose another with --data-dir`,
      );
    }
    if (process.platform !== "win32" && (found.mode & 0o077) !== 0) {
      throw new Fault(
        "forbidden",
        `others on this machine can open the data directory ${this.path}, which holds secrets: ` +
          `run chmod 700 ${this.path}, or choose another with --data-dir`,
      );
    }
    if (!isWritable(this.path))
      throw new Fault(
        "unavailable",
        `nothing can be made in the data directory ${this.path}; make it writable, or choose another with --data-dir`,
      );
  }

  /**
   * Takes the directory for this process, until `release`; what a dead broker left is cleaned up.
   * @param lost called once if another broker has taken it since, which can happen to one that was stopped for long
   * @throws Fault conflict naming the pid of the broker that has it; forbidden, unavailable as `prepare`
   */
  async claim(lost?: () => void): Promise<void> {
    if (this.#lock !== undefined) return;
    this.isNew = !existsSync(this.file("tables"));
    this.prepare();
    const lock = await PidLock.take(this.file("broker.pid"), lost);
    if (!(lock instanceof PidLock)) {
      if (lock.isElsewhere) {
        const wait = `; if it was killed, the directory is free ${String(lock.freeAfterMs / 1_000)} s after that`;
        throw new Fault(
          "conflict",
          `a broker in another container or on another machine (pid ${String(lock.pid)} there) uses the data ` +
            `directory ${this.path}; stop it, or give this one another with --data-dir` +
            (lock.freeAfterMs > 0 ? wait : ""),
        );
      }
      throw new Fault(
        "conflict",
        `a broker with pid ${String(lock.pid)} uses the data directory ${this.path}; ` +
          `stop it (broker stop, or kill ${String(lock.pid)}), or give this one another with --data-dir`,
      );
    }
    this.#lock = lock;
    try {
      this.#removeEndpoints();
      for (const folder of [this.path, this.file("tables")]) closeFilesToOthers(folder);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** @throws Fault unavailable: something else is in its place */
  #removeEndpoints(): void {
    const path = this.file("endpoints.json");
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory() === true) mustBeRegular(path, found);
    rmSync(path, { force: true });
  }

  /** Says where the broker can be reached. Only the owner does. */
  writeEndpoints(endpoints: Endpoints): void {
    replaceFile(this.file("endpoints.json"), `${JSON.stringify(endpoints)}\n`);
  }

  /** Gives the directory back: its endpoints and its lock go. A second call does nothing. */
  release(): void {
    if (this.#lock === undefined) return;
    const isOwn =
      this.#lock.isOwn && statSync(this.file("endpoints.json"), { throwIfNoEntry: false })?.isFile() === true;
    if (isOwn) rmSync(this.file("endpoints.json"), { force: true });
    this.#lock.release();
    this.#lock = undefined;
  }

  /**
   * The process of the broker that has this directory, also while it starts or stops; undefined if none runs.
   * @throws Fault unavailable, forbidden, naming the file and the remedy
   */
  holder(): LockHolder | undefined {
    const lock = this.file("broker.pid");
    return reading(lock, () => PidLock.holder(lock));
  }

  /**
   * Where the broker of this directory can be reached; undefined if none runs.
   * @throws Fault unavailable, naming the file and the remedy: one runs, and its file cannot be read or is damaged
   */
  readEndpoints(): Endpoints | undefined {
    const holder = this.holder();
    if (holder === undefined) return undefined;
    const endpoints = readEndpointsFile(this.file("endpoints.json"));
    return endpoints?.pid === holder.pid ? endpoints : undefined;
  }
}

/** Takes the rights of others to all files of a folder away: earlier audit logs, copies. Those of other users stay. */
function closeFilesToOthers(folder: string): void {
  const own = process.getuid?.();
  for (const entry of readdirIfThere(folder)) {
    const path = join(folder, entry);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (own === undefined || own === 0 || found?.uid === own) closeToOthers(path);
  }
}

function readdirIfThere(folder: string): readonly string[] {
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true ? readdirSync(folder) : [];
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The folder that is there of those above a path. */
function nearest(path: string): string {
  const above = dirname(path);
  return above === path || existsSync(above) ? above : nearest(above);
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return statSync(folder).isDirectory();
  } catch {
    return false; // the system says no, whatever the reason
  }
}

/**
 * Makes a folder and those above it. Node's own `recursive` never ends where a file system takes no folders (/proc).
 */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  const above = dirname(path);
  if (above !== path) makeFolder(above);
  mkdirSync(path, { mode: 0o700 });
}

const endpointsForm = z.object({
  pid: z.int().positive(),
  zmqIn: z.array(z.string()),
  zmqOut: z.array(z.string()),
  ws: z.array(z.string()),
  own: z.record(z.string(), z.string()).optional(),
});

/** Where a running broker can be reached, as `endpoints.json` says it (protocols §0.3). */
export interface Endpoints {
  readonly pid: number;
  readonly zmqIn: readonly string[];
  readonly zmqOut: readonly string[];
  readonly ws: readonly string[];
  /** Doors of one dialect each, by its name. */
  readonly own?: Readonly<Record<string, string>> | undefined;
}

/**
 * Reads `endpoints.json`; undefined if there is none.
 * @throws Fault unavailable, forbidden, naming the file and the remedy
 */
function readEndpointsFile(path: string): Endpoints | undefined {
  const text = reading(path, () => readIfThere(path));
  if (text === undefined) return undefined;
  try {
    return endpointsForm.parse(JSON.parse(text));
  } catch (error) {
    // It is written whole or not at all: what does not parse is not from the broker.
    throw new Fault("unavailable", `${path} is not what the broker has written; ${restartRemedy}`, { cause: error });
  }
}

const restartRemedy = "move it away and restart the broker, which writes it anew";

/** Reads a file of a running broker. @throws Fault unavailable, forbidden, naming the file and the remedy */
function reading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const isClosed = ["EACCES", "EPERM"].includes(errorCode(error) ?? "");
    const remedy = isClosed
      ? "run this as the user that runs the broker, or name your own broker's folder with --data-dir"
      : restartRemedy;
    throw new Fault(isClosed ? "forbidden" : "unavailable", `cannot read ${path}: ${words(error)}; ${remedy}`, {
      cause: error,
    });
  }
}

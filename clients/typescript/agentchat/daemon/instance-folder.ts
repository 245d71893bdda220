import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { codeOf, makeIfMissing } from "./files.js";

/** Where an instance keeps what (AgentChat §9); all absolute if `dir` is. */
export interface DaemonPaths {
  /** `<dir>/.agentchat/daemons/<instance>` */
  readonly dir: string;
  readonly inbox: string;
  /** How far `agentchat inbox --new` has read the inbox. */
  readonly inboxPosition: string;
  readonly outbox: string;
  readonly log: string;
  /** Holds the process id and nothing else, so that `kill $(cat daemon.pid)` works. */
  readonly pid: string;
  /** When that process started, which makes the pid file safe to believe; what it was told, and how it is. */
  readonly run: string;
  /** How far the outbox has been sent. */
  readonly progress: string;
  /** Outbox lines that could not be sent, each with its reason. */
  readonly rejected: string;
}

/** The name of an instance where none is given. */
export const defaultInstance = "default";

/** Paths of an instance's files. Touches no disk. @throws Error if the name could leave the directory */
export function getDaemonPaths(instance: string = defaultInstance, dir: string = process.cwd()): DaemonPaths {
  if (!isInstanceName(instance)) {
    throw new Error(`"${instance.slice(0, 80)}" cannot be the name of a daemon: use 1 to 64 of A-Z a-z 0-9 _ -`);
  }
  const own = join(daemonsDir(dir), instance);
  return {
    dir: own,
    inbox: join(own, "inbox.jsonl"),
    inboxPosition: join(own, "inbox.position.json"),
    outbox: join(own, "outbox.jsonl"),
    log: join(own, "daemon.log"),
    pid: join(own, "daemon.pid"),
    run: join(own, "daemon.json"),
    progress: join(own, "outbox.progress.json"),
    rejected: join(own, "outbox.rejected.jsonl"),
  };
}

/** The files of the instance without a name, below the working folder of whoever uses these paths. */
export const {
  inbox: INBOX_PATH,
  outbox: OUTBOX_PATH,
  log: LOG_PATH,
  pid: PID_PATH,
}: DaemonPaths = Object.freeze(getDaemonPaths(defaultInstance, ""));

/** Whether a name can be an instance's: it becomes a directory. */
export function isInstanceName(name: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(name);
}

/** Where the instances of a directory live. */
export function daemonsDir(dir: string): string {
  return join(dir, ".agentchat", "daemons");
}

/**
 * Makes the folder of an instance, with the files that its agent reads and writes. What is there stays.
 * @throws NodeJS.ErrnoException
 */
export function makeFolder({ dir, inbox, outbox }: DaemonPaths): void {
  const daemons = dirname(dir);
  const isFirst = mkdirSync(daemons, { recursive: true, mode: 0o700 }) !== undefined;
  if (isFirst) ignoreAll(dirname(daemons));
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  for (const file of [inbox, outbox]) makeIfMissing(file);
}

/**
 * What agents say, and their keys, belong in nobody's repository. Whoever wants it otherwise writes another .gitignore,
 * or deletes this one.
 */
function ignoreAll(folder: string): void {
  try {
    writeFileSync(join(folder, ".gitignore"), "*\n", { flag: "wx" });
  } catch (thrown) {
    if (codeOf(thrown) !== "EEXIST") throw thrown;
  }
}

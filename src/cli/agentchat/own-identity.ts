import { realpathSync } from "node:fs";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { DaemonStatus } from "../../../clients/typescript/agentchat/daemon.js";
import type { Identity } from "../../../clients/typescript/agentchat/identity-file.js";
import { jsonLine, say } from "../output.js";
import { wrongUsage } from "./exit.js";
import type { WhoOptions } from "./options.js";

/** Who a command is at a server. */
export interface Caller {
  readonly name: string;
  /** Path of the identity file. */
  readonly identity?: string;
}

/**
 * Who the options say one is; an identity is looked at first.
 * @throws CommandFailure if a daemon of this folder has it at that server; AgentChatError if it cannot be read
 */
export async function callerOf(url: string, { name, identity, force }: WhoOptions, byFiles: ByFiles): Promise<Caller> {
  if (identity === undefined) return { name: name ?? `agent-${process.pid}` };
  if (force !== true) await mustBeFree(identity, url, { byFiles });
  const own = await readOwnIdentity(identity);
  return { name: name ?? own.name, identity };
}

const othersToo = 0o077;

/**
 * Reads an identity file, which closes it to others; says so where they could read it, for whoever did has the key.
 * @throws AgentChatError IDENTITY_MISSING, IDENTITY_UNSAFE, IDENTITY_INVALID
 */
export async function readOwnIdentity(file: string): Promise<Identity> {
  const { readIdentity } = await import("../../../clients/typescript/agentchat/identity-file.js");
  const mode = await modeOf(file);
  const identity = await readIdentity(file);
  if ((mode & othersToo) !== 0)
    say(
      `warning: others could read ${file} (mode 0${mode.toString(8)}), which holds your private key; it is closed to them now, as by chmod 600 ${file}`,
    );
  return identity;
}

/** 0 for a file that cannot be looked at: reading it says why. */
async function modeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).mode & 0o777;
  } catch {
    return 0;
  }
}

/** The folder where the seed keeps keys and files of daemons. */
const ownFolder = ".agentchat";

/**
 * Makes the `.agentchat` folder that `path` lies in, and keeps it out of version control: it holds a private key.
 * Elsewhere nothing is done.
 */
export async function keepToOneself(path: string): Promise<void> {
  const folder = folderOf(resolve(path));
  if (folder === undefined) return;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(join(folder, ".gitignore"), "*\n", { flag: "wx" });
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
    if (code !== "EEXIST")
      say(
        `warning: ${join(folder, ".gitignore")} could not be written (${String(code)}); keep ${folder} out of version control yourself, it holds a private key`,
      );
  }
}

function folderOf(path: string): string | undefined {
  if (basename(path) === ownFolder) return path;
  return dirname(path) === path ? undefined : folderOf(dirname(path));
}

/** A daemon of this folder, as far as it matters who it is. */
export type Occupant = Pick<DaemonStatus, "instance" | "running" | "server" | "outboxPath" | "identity">;

/** What a command that is refused could have done by a daemon's files. */
export type ByFiles =
  /** A line for its outbox. */
  | { readonly line: Readonly<Record<string, unknown>> }
  /** Something else. */
  | { readonly instead: string };

/** One identity, one session: the daemon that a second session at `url` would end; undefined if there is none. */
export function occupantOf(daemons: readonly Occupant[], file: string, url: string): Occupant | undefined {
  const own = realPath(file);
  return daemons.find(
    ({ running, identity, server }) =>
      running &&
      identity !== undefined &&
      server !== undefined &&
      own !== undefined &&
      realPath(identity) === own &&
      doorOf(server) === doorOf(url),
  );
}

/** @throws CommandFailure if a daemon of this folder uses the identity at this server; `except` names one that may */
export async function mustBeFree(
  file: string,
  url: string,
  { byFiles, except }: { readonly byFiles: ByFiles; readonly except?: string },
): Promise<void> {
  const { listDaemons } = await import("../../../clients/typescript/agentchat/daemon.js");
  const occupant = occupantOf(
    listDaemons().filter(({ instance }) => instance !== except),
    file,
    url,
  );
  if (occupant !== undefined) throw wrongUsage(occupiedWords(occupant, byFiles));
}

/** Why a second session is not opened, and what to do instead. */
export function occupiedWords(
  { instance, outboxPath }: Pick<Occupant, "instance" | "outboxPath">,
  byFiles: ByFiles,
): string {
  const uses = `the daemon ${instance} uses this identity, and a second session would end it`;
  const stop = `stop it first: agentchat daemon --name ${instance} --stop (--force goes on all the same)`;
  if ("instead" in byFiles) return `${uses}: ${byFiles.instead}, or ${stop}`;
  const outbox = `./${relative(process.cwd(), outboxPath)}`;
  return `${uses}: let it say this by its outbox (${outbox}), or ${stop}\nThe line to append to ${outbox}, with a newline at its end:\n${jsonLine(byFiles.line)}`;
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined; // no such file: whoever reads it says so
  }
}

/** Host and port: a server's paths lead to one set of agents, and this machine has several names. */
function doorOf(server: string): string {
  const url = new URL(server);
  const host = ["127.0.0.1", "[::1]", "0.0.0.0", "[::]"].includes(url.hostname) ? "localhost" : url.hostname;
  return `${host}:${url.port === "" ? (url.protocol === "wss:" ? 443 : 80) : url.port}`;
}

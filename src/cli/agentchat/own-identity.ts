import { realpathSync } from "node:fs";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { DaemonStatus } from "../../../clients/typescript/agentchat/daemon.js";
import type { Identity } from "../../../clients/typescript/agentchat/identity-file.js";
import { jsonLine, say } from "../output.js";
import { wrongUsage } from "./exit.js";
import type { WhoOptions } from "./options.js";

/**
 * The name and the identity file that a command uses at a server. An identity is checked first.
 * @throws CommandFailure if a daemon of this folder uses it at that server; AgentChatError if it cannot be read
 */
export async function callerOf(
  url: string,
  { name, identity, force }: WhoOptions,
  byFiles: ByFiles,
): Promise<{ readonly name: string; readonly identity?: string }> {
  if (identity === undefined) return { name: name ?? `agent-${process.pid}` };
  if (force !== true) await mustBeFree(identity, url, byFiles);
  const own = await readOwnIdentity(identity);
  return { name: name ?? own.name, identity };
}

/** The bits of a file's mode that let others than its owner use it. */
const forOthers = 0o077;

/**
 * Reads an identity file and makes it readable for its owner only. If others could read it before, it warns: they may
 * have the key.
 * @throws AgentChatError IDENTITY_MISSING, IDENTITY_UNSAFE, IDENTITY_INVALID
 */
export async function readOwnIdentity(file: string): Promise<Identity> {
  const { readIdentity } = await import("../../../clients/typescript/agentchat/identity-file.js");
  const mode = await modeOf(file);
  const identity = await readIdentity(file);
  if ((mode & forOthers) !== 0)
    say(
      `warning: others could read ${file} (mode 0${mode.toString(8)}), which holds your private key; ` +
        `it is closed to them now, as by chmod 600 ${file}`,
    );
  return identity;
}

/** The mode of a file; 0 if the system does not tell it: reading the file will say why. */
async function modeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).mode & 0o777;
  } catch {
    return 0;
  }
}

/** The folder of keys and of daemons' files (AgentChat §3.8, §9.1). */
const ownFolder = ".agentchat";

/**
 * Makes the `.agentchat` folder around `path` and keeps it out of version control, because it holds a private key. Does
 * nothing for a path outside such a folder.
 */
export async function keepOutOfVersionControl(path: string): Promise<void> {
  const folder = folderOf(resolve(path));
  if (folder === undefined) return;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(join(folder, ".gitignore"), "*\n", { flag: "wx" });
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
    if (code !== "EEXIST")
      say(
        `warning: ${join(folder, ".gitignore")} could not be written (${String(code)}); ` +
          `keep ${folder} out of version control yourself, it holds a private key`,
      );
  }
}

function folderOf(path: string): string | undefined {
  if (basename(path) === ownFolder) return path;
  return dirname(path) === path ? undefined : folderOf(dirname(path));
}

/** A daemon of this folder that may use an identity. */
export type IdentityUser = Pick<DaemonStatus, "instance" | "running" | "server" | "outboxPath" | "identity">;

/** What a refused command could do through the files of the daemon that uses the identity. */
export type ByFiles =
  /** Append this line to its outbox. */
  | { readonly line: Readonly<Record<string, unknown>> }
  /** Do something else, in words. */
  | { readonly instead: string };

/**
 * The running daemon that uses the identity in `file` at the server `url`; undefined if there is none. A server allows
 * one session for each identity: a second one would end the daemon's.
 */
export function daemonUsing(daemons: readonly IdentityUser[], file: string, url: string): IdentityUser | undefined {
  const own = realPath(file);
  return daemons.find(
    ({ running, identity, server }) =>
      running &&
      identity !== undefined &&
      server !== undefined &&
      own !== undefined &&
      realPath(identity) === own &&
      hostAndPort(server) === hostAndPort(url),
  );
}

/**
 * Checks that no daemon of this folder uses the identity at this server.
 * @param except the name of a daemon that may use it
 * @throws CommandFailure if one does, with what could be done instead
 */
export async function mustBeFree(file: string, url: string, byFiles: ByFiles, except?: string): Promise<void> {
  const { listDaemons } = await import("../../../clients/typescript/agentchat/daemon.js");
  const user = daemonUsing(
    listDaemons().filter(({ instance }) => instance !== except),
    file,
    url,
  );
  if (user !== undefined) throw wrongUsage(identityInUseWords(user, byFiles));
}

/** Why the command does not open a second session, and what to do instead. */
export function identityInUseWords(
  { instance, outboxPath }: Pick<IdentityUser, "instance" | "outboxPath">,
  byFiles: ByFiles,
): string {
  const uses = `the daemon ${instance} uses this identity, and a second session would end it`;
  const stop = `stop it first: agentchat daemon --name ${instance} --stop (--force goes on all the same)`;
  if ("instead" in byFiles) return `${uses}: ${byFiles.instead}, or ${stop}`;
  const outbox = `./${relative(process.cwd(), outboxPath)}`;
  return (
    `${uses}: let the daemon send this through its outbox (${outbox}), or ${stop}\n` +
    `The line to append to ${outbox}, with a newline at its end:\n${jsonLine(byFiles.line)}`
  );
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined; // there is no such file: reading it will say so
  }
}

/** Host and port of a server; all names of this machine count as one, and a path makes no difference. */
function hostAndPort(server: string): string {
  const url = new URL(server);
  const host = ["127.0.0.1", "[::1]", "0.0.0.0", "[::]"].includes(url.hostname) ? "localhost" : url.hostname;
  return `${host}:${url.port === "" ? (url.protocol === "wss:" ? 443 : 80) : url.port}`;
}

import { realpathSync } from "node:fs";
import { relative } from "node:path";
import type { DaemonStatus } from "../../../clients/typescript/agentchat/daemon.js";
import { jsonLine } from "../output.js";
import { wrongUsage } from "./exit.js";

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

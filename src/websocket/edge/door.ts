import type { IncomingHttpHeaders } from "node:http";
import type { Hello } from "../../dialect/connection.js";

/** Where one dialect answers. */
export interface EdgeDoor {
  /** The dialect. */
  readonly name: string;
  readonly paths: readonly string[];
  readonly subprotocols: readonly string[];
}

/** The path at which the first frame, or the subprotocol, says which dialect is spoken. */
const rootPath = "/";

/** The path of a request target, without query; undefined if it is none. */
export function pathOf(url: string | undefined): string | undefined {
  return url?.startsWith("/") === true ? url.replace(/[?#].*$/s, "") : undefined;
}

/** All paths at which somebody answers. */
export function pathsOf(doors: readonly EdgeDoor[]): readonly string[] {
  return [...new Set([rootPath, ...doors.flatMap(({ paths }) => paths)])];
}

/** The first of the client's subprotocols that a dialect at `path` knows; at `/` any dialect's. */
export function chooseSubprotocol(
  offered: string | undefined,
  path: string,
  doors: readonly EdgeDoor[],
): string | undefined {
  const there = doors.filter(({ paths }) => paths.includes(path));
  const known = (there.length > 0 ? there : doors).flatMap(({ subprotocols }) => subprotocols);
  return listOf(offered).find((name) => known.includes(name));
}

/** A peer's address as we write it: IPv4 in IPv6 unwrapped. */
export function addressOf(address: string | undefined): string {
  return (address ?? "unknown").replace(/^::ffff:(?=\d+\.)/, "");
}

/**
 * What is known of a connection at its upgrade. Browsers cannot set headers and send their token as subprotocol
 * `bearer.TOKEN`.
 */
export function helloOf(
  headers: IncomingHttpHeaders,
  at: Pick<Hello, "remote" | "path" | "subprotocol" | "own">,
): Hello {
  const offered = listOf(headers["sec-websocket-protocol"]).find((name) => name.startsWith("bearer."));
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1] ?? offered?.slice("bearer.".length);
  return { ...at, bearer, headers };
}

function listOf(header: string | undefined): readonly string[] {
  return (header ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

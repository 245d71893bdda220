import type { IncomingHttpHeaders } from "node:http";
import type { Hello } from "../../dialect/connection.js";

/** The paths and subprotocols at which one dialect answers. */
export interface DialectPaths {
  /** The dialect's name. */
  readonly name: string;
  readonly paths: readonly string[];
  readonly subprotocols: readonly string[];
  /** What an ordinary HTTP request at a path is told beside that it takes a WebSocket. */
  readonly httpNotes?: Readonly<Record<string, string>>;
}

/** At this path the subprotocol or the first frame tells which dialect is spoken. */
const rootPath = "/";

/**
 * The path of a request target, without its query, without slashes at its end and with one where there are several; undefined if the target is not a
 * path. A proxy may write the whole address (RFC 9112 §3.2.2).
 */
export function pathOf(url: string | undefined): string | undefined {
  const address = url === undefined ? undefined : /^(?:https?|wss?):\/\/[^/?#]*/i.exec(url)?.[0];
  const target = address === undefined ? url : url?.slice(address.length);
  if (target === undefined) return undefined;
  let end = target.search(/[?#]/);
  if (end === -1) end = target.length;
  while (end > 0 && target[end - 1] === "/") end -= 1;
  const path = target.slice(0, end).replace(/\/{2,}/g, "/");
  if (path === "") return target.startsWith("/") || address !== undefined ? rootPath : undefined;
  return path.startsWith("/") ? path : undefined;
}

/**
 * True if a request that asks for another protocol asks for WebSocket, whatever else it would take (RFC 6455 §4.2.1);
 * anything but that, such as `h2c`, is an ordinary request that this server answers as it is (RFC 9110 §7.8).
 */
export function asksForWebSocket({ upgrade }: IncomingHttpHeaders): boolean {
  return listOf(upgrade).some((protocol) => protocol.toLowerCase() === "websocket");
}

/** All paths at which a dialect answers. */
export function pathsOf(dialects: readonly DialectPaths[]): readonly string[] {
  return [...new Set([rootPath, ...dialects.flatMap(({ paths }) => paths)])];
}

/** What ordinary HTTP requests are told, by path. */
export function httpNotesOf(dialects: readonly DialectPaths[]): ReadonlyMap<string, string> {
  return new Map(dialects.flatMap(({ httpNotes }) => Object.entries(httpNotes ?? {})));
}

/** How the subprotocol begins by which a browser says its token. It is no name of a dialect, whatever one calls itself. */
const bearerPrefix = "bearer.";

/** The first of the client's subprotocols that a dialect at `path` knows; at `/`, that any dialect knows. */
export function chooseSubprotocol(
  offered: string | undefined,
  path: string,
  dialects: readonly DialectPaths[],
): string | undefined {
  const there = dialects.filter(({ paths }) => paths.includes(path));
  const known = (there.length > 0 ? there : dialects).flatMap(({ subprotocols }) => subprotocols);
  return listOf(offered).find((name) => known.includes(name) && !name.startsWith(bearerPrefix));
}

/** A peer's address as it is written everywhere here: an IPv4 address inside IPv6 is unwrapped. */
export function addressOf(address: string | undefined): string {
  return (address ?? "unknown").replace(/^::ffff:(?=\d+\.)/, "");
}

/** True for a loopback address. */
export function isThisMachine(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}

/**
 * What a connection says of itself at its upgrade. Browsers cannot set headers: they send their token as the
 * subprotocol `bearer.TOKEN`.
 */
export function helloOf(
  headers: IncomingHttpHeaders,
  at: Pick<Hello, "remote" | "path" | "subprotocol" | "own">,
): Hello {
  const offered = listOf(headers["sec-websocket-protocol"]).find((name) => name.startsWith(bearerPrefix));
  const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1] ?? offered?.slice(bearerPrefix.length);
  return { ...at, bearer, headers };
}

function listOf(header: string | undefined): readonly string[] {
  return (header ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

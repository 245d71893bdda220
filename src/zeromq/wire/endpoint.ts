import { isIP } from "node:net";
import { Fault } from "../../core/index.js";

/** Where a door is opened. */
export type Endpoint =
  | { readonly kind: "tcp"; readonly host: string | undefined; readonly port: number }
  | { readonly kind: "ipc"; readonly path: string };

/** The longest path of a Unix socket on Linux and macOS. */
const pathMaxBytes = 103;

/**
 * Reads `tcp://HOST:PORT` (port 0: chosen by the system, `*`: all addresses) or `ipc:///PATH`.
 * @throws Fault malformed, unsupported
 */
export function readEndpoint(url: string): Endpoint {
  if (url.startsWith("ipc://")) return ipc(url.slice("ipc://".length), url);
  const tcp = /^tcp:\/\/(.+):(\d{1,5})$/.exec(url);
  const port = Number(tcp?.[2] ?? Number.NaN);
  if (tcp === null || port > 65_535) {
    throw new Fault("malformed", `${url} is no ZeroMQ address: write it as tcp://HOST:PORT or ipc:///PATH`);
  }
  const host = (tcp[1] ?? "").replace(/^\[|\]$/g, "");
  return { kind: "tcp", host: host === "*" ? undefined : host, port };
}

function ipc(path: string, url: string): Endpoint {
  if (path === "" || path.startsWith("@")) {
    throw new Fault(
      "unsupported",
      `${url} names no file: write it as ipc:///PATH (abstract sockets and wild cards are not provided)`,
    );
  }
  if (Buffer.byteLength(path) > pathMaxBytes) {
    throw new Fault(
      "malformed",
      `${url} is longer than the ${pathMaxBytes} bytes that the system takes for a socket: choose a shorter path`,
    );
  }
  return { kind: "ipc", path };
}

/** The address as clients write it. */
export function tcpUrl(host: string, port: number): string {
  return `tcp://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

/** An address without the IPv4-in-IPv6 prefix. */
export function plainAddress(address: string | undefined): string {
  return (address ?? "").replace(/^::ffff:(?=\d+\.)/, "");
}

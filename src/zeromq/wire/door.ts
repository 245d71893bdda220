import { createServer, isIP, type AddressInfo, type Server, type Socket } from "node:net";
import { Fault } from "../../core/index.js";
import { claimPath, closeToOthers, socketPathMaxBytes } from "./ipc-path.js";

/** A listening address: a TCP port or the path of a Unix socket. */
export type Endpoint =
  | { readonly kind: "tcp"; readonly host: string | undefined; readonly port: number }
  | { readonly kind: "ipc"; readonly path: string };

/**
 * Reads `tcp://HOST:PORT` (port 0 or `*`: chosen by the system; host `*`: all addresses) or `ipc:///PATH`.
 * @throws Fault malformed, unsupported
 */
export function readEndpoint(url: string): Endpoint {
  if (url.startsWith("ipc://")) return ipc(url.slice("ipc://".length), url);
  const tcp = /^tcp:\/\/(.+):(\d{1,5}|\*)$/.exec(url);
  const port = tcp?.[2] === "*" ? 0 : Number(tcp?.[2] ?? Number.NaN);
  if (tcp === null || port > 65_535) {
    throw new Fault("malformed", `${url} is not a ZeroMQ address: write it as tcp://HOST:PORT or ipc:///PATH`);
  }
  const host = (tcp[1] ?? "").replace(/^\[|\]$/g, "");
  return { kind: "tcp", host: host === "*" ? undefined : host, port };
}

function ipc(path: string, url: string): Endpoint {
  if (path === "" || path.startsWith("@")) {
    throw new Fault(
      "unsupported",
      `${url} does not name a file: write it as ipc:///PATH (abstract sockets and wild cards are not provided)`,
    );
  }
  const bytes = Buffer.byteLength(path);
  if (bytes > socketPathMaxBytes) {
    throw new Fault(
      "malformed",
      `${url} has a path of ${bytes} bytes, and the system allows ${socketPathMaxBytes} for a socket: choose a ` +
        "shorter path, or, for the sockets in the data directory, another one of those (--data-dir)",
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

/** Read in large pieces, written without delay; by its probes the system finds out that a peer has vanished. */
const socketOptions = {
  highWaterMark: 256 * 1024,
  noDelay: true,
  pauseOnConnect: true,
  keepAlive: true,
  keepAliveInitialDelay: 30_000,
} as const;
const backlogMax = 4096;

/** One listening address. */
export class Door {
  /** The address as clients write it, with the real port. */
  readonly url: string;
  readonly #server: Server;

  private constructor(url: string, server: Server) {
    this.url = url;
    this.#server = server;
  }

  /** Opens the door at `url`. @throws Fault, naming the address and the remedy */
  static async open(url: string, accept: (socket: Socket) => void, failed: (error: Error) => void): Promise<Door> {
    const endpoint = readEndpoint(url);
    if (endpoint.kind === "ipc") await claimPath(endpoint.path);
    const server = createServer(socketOptions, (socket) => {
      // Who was reset before it was accepted has no address any more: it would be taken for one of this machine.
      if (endpoint.kind === "tcp" && socket.remoteAddress === undefined) socket.destroy();
      else accept(socket);
    });
    try {
      await listen(server, endpoint, url);
      if (endpoint.kind === "ipc") await closeToOthers(endpoint.path);
    } catch (thrown) {
      server.close();
      throw thrown;
    }
    server.on("error", failed);
    return new Door(endpoint.kind === "ipc" ? url : realUrl(server, endpoint.host ?? "*", url), server);
  }

  /** Accepts no more connections; those that are open stay open. */
  close(): void {
    if (this.#server.listening) this.#server.close();
  }
}

function listen(server: Server, endpoint: Endpoint, url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      reject(bindFault(error, url));
    });
    const ready = (): void => {
      server.removeAllListeners("error");
      resolve();
    };
    if (endpoint.kind === "ipc") server.listen({ path: endpoint.path, backlog: backlogMax }, ready);
    else
      server.listen(
        { ...(endpoint.host !== undefined && { host: endpoint.host }), port: endpoint.port, backlog: backlogMax },
        ready,
      );
  });
}

function bindFault(error: Error, url: string): Fault {
  const code = "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE")
    return new Fault(
      "conflict",
      `${url} is in use: stop the program that listens there or choose another address (--zmq-in, --zmq-out)`,
      { cause: error },
    );
  if (code === "EACCES")
    return new Fault("forbidden", `not allowed to listen at ${url}: choose a port above 1023 or a folder of your own`, {
      cause: error,
    });
  return new Fault("unavailable", `cannot listen at ${url}: ${error.message}`, { cause: error });
}

/** The host as it was configured, the port as the system gave it. */
function realUrl(server: Server, host: string, url: string): string {
  const address: AddressInfo | string | null = server.address();
  return address === null || typeof address === "string" ? url : tcpUrl(host, address.port);
}

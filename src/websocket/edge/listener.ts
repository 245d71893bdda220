import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from "node:http";
import { createServer as createTlsServer, Server as TlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import { Fault, type Ledger, type Limits, type Log } from "../../core/index.js";
import type { Hello } from "../../dialect/connection.js";
import type { Access } from "./access.js";
import { isThisMachine } from "./crowd.js";
import { addressOf, chooseSubprotocol, helloOf, pathOf, pathsOf, type EdgeDoor } from "./door.js";
import { frontPage, nothingHere, refuseSocket, respond, text, type Pages } from "./front-page.js";
import type { TlsPair } from "./tls.js";

/** Said to whoever comes when there are too many. */
export const tooMany = "The broker has as many connections as it takes; try again in a few seconds.";

/** Where to listen. */
export interface ListenAt {
  readonly host: string;
  /** 0 = chosen by the system. */
  readonly port: number;
  /** The only dialect that answers there, at `/`, too; absent: all do, each at its paths. */
  readonly own?: string;
}

/** What {@link Listener} needs. */
export interface ListenerOptions extends ListenAt {
  /** Where dialects answer. */
  readonly doors: readonly EdgeDoor[];
  readonly limits: Limits;
  readonly ledger: Ledger;
  readonly log: Log;
  readonly access: Access;
  /** Answers requests of the operator's (health, metrics) before the front page does. */
  readonly pages: Pages | undefined;
  /** Encrypts every connection. */
  readonly tls: TlsPair | undefined;
  /** A TCP connection came; whoever takes too many refuses it here. */
  readonly arrived: (socket: Socket, isTls: boolean) => void;
  /** An upgrade came for somebody behind a proxy: counted by its own address. @returns why it must wait */
  readonly forwarded: (socket: Duplex, client: string) => string | undefined;
  /** True while new WebSockets are taken. */
  readonly isOpen: () => boolean;
  /** Why the connection may not become a WebSocket, of which there are too many; undefined if it may. */
  readonly full: (socket: Duplex) => string | undefined;
  readonly opened: (ws: WebSocket, socket: Duplex, hello: Hello) => void;
}

/** One listening address: HTTP requests are answered in words, upgrades are checked and opened. */
export class Listener {
  /** `ws://host:port` with its real port. */
  readonly endpoint: string;
  /** The dialect that has it for itself. */
  readonly own: string | undefined;
  readonly #options: ListenerOptions;
  readonly #server: Server;
  readonly #doors: readonly EdgeDoor[];
  readonly #paths: readonly string[];
  readonly #wss: WebSocketServer;

  private constructor(options: ListenerOptions, server: Server) {
    const { doors, limits, log, ledger, host, port, own } = options;
    this.#options = options;
    this.#server = server;
    this.own = own;
    this.endpoint = endpointOf(server);
    this.#doors = own === undefined ? doors : doors.filter(({ name }) => name === own);
    this.#paths = pathsOf(this.#doors);
    this.#wss = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      clientTracking: false,
      skipUTF8Validation: false,
      autoPong: false,
      // Up to twice the limit a message is refused in the dialect's words; beyond that the connection ends (1009).
      maxPayload: limits.wsFrameMaxBytes * 2,
      maxFragments: limits.wsFragmentsMax,
      // The choice was made before; `ws` only writes it down.
      handleProtocols: (offered, request) =>
        chooseSubprotocol([...offered].join(), pathOf(request.url) ?? "", this.#doors) ?? false,
    });
    server.on("request", (request, response) => {
      void this.#answer(request, response);
    });
    if (server instanceof TlsServer) {
      server.on("tlsClientError", (_error, socket) => {
        ledger.count("ws-tls-refused");
        socket.destroy();
      });
    }
    server.on("upgrade", (request, socket, head) => {
      this.#upgrade(request, socket, head);
    });
    server.on("error", (error) => {
      log("error", "websocket door failed", { host, port, error: error.message });
    });
  }

  /** @throws Fault conflict (address in use), forbidden, unavailable */
  static async open(options: ListenerOptions): Promise<Listener> {
    const { host, port, limits, tls, arrived } = options;
    const serverOptions: ServerOptions = {
      maxHeaderSize: limits.httpHeadMaxBytes,
      headersTimeout: limits.httpHeadMs,
      requestTimeout: limits.httpHeadMs,
      connectionsCheckingInterval: Math.max(10, Math.min(1_000, limits.httpHeadMs / 2)),
      keepAliveTimeout: 1,
      noDelay: true,
    };
    const server =
      tls === undefined
        ? createServer(serverOptions)
        : createTlsServer({ ...serverOptions, ...tls, minVersion: "TLSv1.2", handshakeTimeout: limits.httpHeadMs });
    server.on("connection", (socket: Socket) => {
      arrived(socket, tls !== undefined);
    });
    await new Promise<void>((resolve, reject) => {
      const refused = (error: NodeJS.ErrnoException): void => {
        reject(cannotListen(host, port, error));
      };
      server.once("error", refused);
      server.listen(port, host, () => {
        server.removeListener("error", refused);
        resolve();
      });
    });
    return new Listener(options, server);
  }

  /** From now on new connections get this pair. */
  renew(pair: TlsPair): void {
    if (this.#server instanceof TlsServer) this.#server.setSecureContext({ ...pair, minVersion: "TLSv1.2" });
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => {
        resolve();
      });
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pages, access, log } = this.#options;
    const peer = addressOf(request.socket.remoteAddress);
    const remote = access.clientOf({ headers: request.headers, peer, isTls: false });
    const { bearer } = helloOf(request.headers, { remote, path: "", subprotocol: undefined });
    try {
      const page = await pages?.({
        method: request.method ?? "GET",
        path: pathOf(request.url) ?? "",
        remote,
        isLocal: isThisMachine(peer) && !access.isProxy(peer) && access.isOurs(request.headers.host ?? ""),
        bearer,
      });
      respond(request, response, page ?? frontPage(request.method, request.url, this.#paths));
    } catch (thrown) {
      log("error", "a page failed", { error: String(thrown) });
      respond(request, response, text(500, "The broker failed; its log says why."));
    }
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { ledger, full, isOpen, opened, own, access, forwarded, tls } = this.#options;
    const path = pathOf(request.url);
    const peer = addressOf(request.socket.remoteAddress);
    const asking = { headers: request.headers, peer, isTls: tls !== undefined || access.isProxy(peer) };
    // No longer writable: it was refused on arrival.
    if (!socket.writable) return;
    if (path === undefined || !this.#paths.includes(path)) {
      ledger.count("ws-unknown-path");
      refuseSocket(socket, nothingHere(this.#paths));
      return;
    }
    const barred = access.refusal(asking);
    const remote = access.clientOf(asking);
    const crowding = remote === asking.peer ? undefined : forwarded(socket, remote);
    const crowded = full(socket);
    if (barred !== undefined) {
      ledger.count("ws-origin-refused");
      refuseSocket(socket, text(403, barred));
    } else if (crowding !== undefined) {
      ledger.count(crowding);
      refuseSocket(socket, text(503, tooMany));
    } else if (!isOpen()) {
      refuseSocket(socket, text(503, "The broker is stopping; try again in a few seconds."));
    } else if (crowded !== undefined) {
      ledger.count(crowded);
      refuseSocket(socket, text(503, tooMany));
    } else {
      const subprotocol = chooseSubprotocol(request.headers["sec-websocket-protocol"], path, this.#doors);
      this.#wss.handleUpgrade(request, socket, head, (ws) => {
        opened(ws, socket, helloOf(request.headers, { remote, path, subprotocol, ...(own !== undefined && { own }) }));
      });
    }
  }
}

function endpointOf(server: Server): string {
  const { address, port } = server.address() as AddressInfo; // a listening TCP server has one
  return `${server instanceof TlsServer ? "wss" : "ws"}://${address.includes(":") ? `[${address}]` : address}:${String(port)}`;
}

function cannotListen(host: string, port: number, error: NodeJS.ErrnoException): Fault {
  const where = `ws ${host}:${String(port)}`;
  if (error.code === "EADDRINUSE")
    return new Fault(
      "conflict",
      `${where} is in use: stop what listens there, or choose another port (0 = any free one)`,
      { cause: error },
    );
  if (error.code === "EACCES")
    return new Fault("forbidden", `${where} is not allowed to this user: choose a port above 1023`, { cause: error });
  return new Fault("unavailable", `cannot listen on ${where}: ${error.code ?? error.message}`, { cause: error });
}

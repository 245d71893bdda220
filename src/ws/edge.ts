import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import { Fault, type BacklogTotal, type Clock, type Flusher, type Ledger, type Lifecycle, type Limits, type Log } from "../core/index.js";
import type { Connection, Hello, Receiver } from "../dialect/connection.js";
import { WsConnection } from "./connection.js";
import { addressOf, chooseSubprotocol, helloOf, isLoopbackOrigin, pathOf, pathsOf, type EdgeDoor } from "./door.js";
import { frontPage, nothingHere, refuseSocket, respond, text } from "./front-page.js";

/** What {@link WsEdge} needs. */
export interface WsEdgeOptions {
  /** Where to listen; port 0 = chosen by the system. */
  readonly listen: readonly { readonly host: string; readonly port: number }[];
  /** Where dialects answer; a list of dialects is one of doors. */
  readonly doors: readonly EdgeDoor[];
  readonly limits: Limits;
  readonly clock: Clock;
  readonly flusher: Flusher;
  readonly total: BacklogTotal;
  readonly ledger: Ledger;
  /** Names whoever hears the new connection; called in the turn of its upgrade. */
  readonly accept: (connection: Connection, hello: Hello) => Receiver;
  readonly newId: () => string;
  readonly log: Log;
}

/** Connections are looked after in this many steps per ping interval. */
const checksPerPing = 8;

/** The WebSocket door: HTTP upgrade, limits, connections. */
export class WsEdge implements Lifecycle {
  readonly #options: WsEdgeOptions;
  readonly #paths: readonly string[];
  readonly #servers: Server[] = [];
  readonly #endpoints: string[] = [];
  readonly #wss: WebSocketServer;
  // bound: wsConnectionsMax · evicts: a further connection is answered 503 · owner: WsEdge
  readonly #connections = new Set<WsConnection>();
  // bound: wsHalfOpenMax · evicts: a further connection is answered 503; httpHeadMs and wsLoginMs end those that wait · owner: WsEdge
  readonly #halfOpen = new Set<object>();
  #phase: "new" | "open" | "draining" | "stopped" = "new";
  #cancelCheck: (() => void) | undefined;
  /** Called whenever the last connection is gone. */
  #empty: (() => void) | undefined;

  constructor(options: WsEdgeOptions) {
    this.#options = options;
    this.#paths = pathsOf(options.doors);
    this.#wss = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      clientTracking: false,
      skipUTF8Validation: false,
      autoPong: false,
      maxPayload: options.limits.wsFrameMaxBytes,
      maxFragments: 1_024,
      // The choice was made before; `ws` only writes it down.
      handleProtocols: (offered, request) => chooseSubprotocol([...offered].join(), pathOf(request.url) ?? "", options.doors) ?? false,
    });
  }

  /** `ws://host:port` of every listener, with its real port. */
  get endpoints(): readonly string[] {
    return this.#endpoints;
  }

  /** Open WebSockets. */
  get size(): number {
    return this.#connections.size;
  }

  /** Connections whose speaker is not known yet. */
  get halfOpen(): number {
    return this.#halfOpen.size;
  }

  /** @throws Fault conflict (address in use), unavailable */
  async start(): Promise<void> {
    try {
      for (const { host, port } of this.#options.listen) await this.#listen(host, port);
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
    this.#phase = "open";
    this.#check();
  }

  /** Takes no new connections; those that are open are their sessions' to end. */
  drain(): Promise<void> {
    if (this.#phase === "open") this.#phase = "draining";
    for (const server of this.#servers) server.close();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    if (this.#phase === "stopped") return;
    this.#phase = "stopped";
    this.#cancelCheck?.();
    const gone = new Promise<void>((resolve) => {
      this.#empty = resolve;
    });
    if (this.#connections.size === 0) this.#empty?.();
    for (const connection of this.#connections) connection.terminate();
    await gone;
    await Promise.all(
      this.#servers.splice(0).map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => {
              resolve();
            });
            server.closeAllConnections();
          }),
      ),
    );
  }

  async #listen(host: string, port: number): Promise<void> {
    const { limits } = this.#options;
    const server = createServer({
      maxHeaderSize: limits.httpHeadMaxBytes,
      headersTimeout: limits.httpHeadMs,
      requestTimeout: limits.httpHeadMs,
      connectionsCheckingInterval: Math.max(10, Math.min(1_000, limits.httpHeadMs / 2)),
      keepAliveTimeout: 1,
      noDelay: true,
    });
    server.on("connection", (socket) => {
      this.#arrived(socket);
    });
    server.on("request", (request, response) => {
      respond(request, response, frontPage(request.method, request.url, this.#paths));
    });
    server.on("upgrade", (request, socket, head) => {
      this.#upgrade(request, socket, head);
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) => {
        reject(cannotListen(host, port, error));
      });
      server.listen(port, host, resolve);
    });
    server.on("error", (error) => {
      this.#options.log("error", "websocket door failed", { host, port, error: error.message });
    });
    this.#servers.push(server);
    this.#endpoints.push(endpointOf(server));
  }

  /** Half-open from the first byte on: a TCP connection counts before it has said anything. */
  #arrived(socket: Duplex): void {
    const { limits, ledger } = this.#options;
    const full = this.#connections.size >= limits.wsConnectionsMax ? "ws-connections-full" : this.#halfOpen.size >= limits.wsHalfOpenMax ? "ws-half-open-full" : undefined;
    if (full !== undefined) {
      ledger.count(full);
      refuseSocket(socket, text(503, "The broker has as many connections as it takes; try again in a few seconds."));
      return;
    }
    this.#halfOpen.add(socket);
    socket.once("close", () => {
      this.#halfOpen.delete(socket);
    });
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { ledger, doors } = this.#options;
    const path = pathOf(request.url);
    const origin = request.headers.origin;
    // No longer writable: it was refused on arrival.
    if (!socket.writable) return;
    if (path === undefined || !this.#paths.includes(path)) {
      ledger.count("ws-unknown-path");
      refuseSocket(socket, nothingHere(this.#paths));
    } else if (origin !== undefined && !isLoopbackOrigin(origin)) {
      ledger.count("ws-origin-refused");
      refuseSocket(socket, text(403, "Web pages of other sites may not connect. Use a client outside the browser, or serve the page from this machine."));
    } else if (this.#phase !== "open") {
      refuseSocket(socket, text(503, "The broker is stopping; try again in a few seconds."));
    } else {
      const remote = addressOf(request.socket.remoteAddress);
      const subprotocol = chooseSubprotocol(request.headers["sec-websocket-protocol"], path, doors);
      this.#wss.handleUpgrade(request, socket, head, (ws) => {
        this.#open(ws, socket, helloOf(request.headers, { remote, path, subprotocol }));
      });
    }
  }

  #open(ws: WebSocket, socket: Duplex, hello: Hello): void {
    const { limits, clock, flusher, total, ledger, newId, accept } = this.#options;
    const connection: WsConnection = new WsConnection({
      id: newId(),
      remote: hello.remote,
      socket,
      ws,
      limits,
      clock,
      flusher,
      total,
      ledger,
      admitted: () => {
        this.#halfOpen.delete(socket);
      },
      gone: () => {
        this.#connections.delete(connection);
        if (this.#connections.size === 0) this.#empty?.();
      },
    });
    this.#connections.add(connection);
    connection.attach(accept(connection, hello));
  }

  #check(): void {
    const { clock, limits } = this.#options;
    this.#cancelCheck = clock.after(Math.max(10, Math.min(limits.wsPingMs, limits.stuckMs) / checksPerPing), () => {
      const now = clock.monotonic();
      for (const connection of this.#connections) connection.check(now);
      this.#check();
    });
  }
}

function endpointOf(server: Server): string {
  const { address, port } = server.address() as AddressInfo; // a listening TCP server has one
  return `ws://${address.includes(":") ? `[${address}]` : address}:${String(port)}`;
}

function cannotListen(host: string, port: number, error: NodeJS.ErrnoException): Fault {
  const where = `ws ${host}:${String(port)}`;
  if (error.code === "EADDRINUSE") return new Fault("conflict", `${where} is in use: stop what listens there, or choose another port (0 = any free one)`, { cause: error });
  if (error.code === "EACCES") return new Fault("forbidden", `${where} is not allowed to this user: choose a port above 1023`, { cause: error });
  return new Fault("unavailable", `cannot listen on ${where}: ${error.code ?? error.message}`, { cause: error });
}

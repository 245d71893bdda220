import { createServer, ServerResponse, type IncomingMessage, type Server, type ServerOptions } from "node:http";
import { createServer as createTlsServer, Server as TlsServer } from "node:https";
import { Socket, type AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import {
  Fault,
  timerMaxMs,
  type Clock,
  type Ledger,
  type Limits,
  type Log,
  type Reader,
  type ReadTurns,
} from "../../core/index.js";
import type { Hello } from "../../dialect/connection.js";
import { namesThisMachine, type Access } from "./access.js";
import {
  endAfterAnswer,
  frontPage,
  isForwarded,
  nothingHere,
  refuseSocket,
  respond,
  text,
  wantsHtml,
  type PageRequest,
  type Pages,
} from "./front-page.js";
import { explainingWebSocket } from "./broken-frames.js";
import { readHeadInTurn } from "./head-turns.js";
import type { HelloTurns } from "./hello-turns.js";
import { tlsRules, type TlsPair } from "./tls.js";
import type { RefusedPage } from "./origin-warnings.js";
import {
  addressOf,
  asksForWebSocket,
  chooseSubprotocol,
  helloOf,
  httpNotesOf,
  isThisMachine,
  pathOf,
  pathsOf,
  type DialectPaths,
} from "./upgrade.js";

/** The answer to a connection that is one too many. */
export const tooMany = "The broker has as many connections as it takes; try again in a few seconds.";

/** One address to listen on. */
export interface ListenAt {
  readonly host: string;
  /** 0 = chosen by the system. */
  readonly port: number;
  /** The only dialect that answers there, also at `/`; absent: all dialects answer, each at its paths. */
  readonly own?: string;
}

/** What a listener answers by itself, and what it hands to its edge, which counts the connections of all listeners. */
export interface ListenerOptions extends ListenAt {
  readonly dialects: readonly DialectPaths[];
  readonly limits: Limits;
  readonly ledger: Ledger;
  readonly log: Log;
  readonly clock: Clock;
  readonly access: Access;
  /** Answers requests for health and metrics; all others go to the front page. */
  readonly pages: Pages | undefined;
  /** Encrypts every connection; undefined: they are clear text. */
  readonly tls: TlsPair | undefined;
  /** A TCP connection came; if there are too many, it is refused here. */
  readonly arrived: (socket: Socket, isTls: boolean) => void;
  /** Shares the turns of the loop among all connections. */
  readonly readTurns: ReadTurns;
  /** Shares the turns of the loop among the TLS handshakes of all listeners. */
  readonly helloTurns: HelloTurns;
  /** The first message of a connection's TLS has waited so long for its turn, milliseconds. */
  readonly waited: (socket: Socket, ms: number) => void;
  /** The head of a connection's request is read by this one, in its turn. */
  readonly reads: (socket: Duplex, reader: Reader) => void;
  /** The head of a connection's request has come whole. */
  readonly asked: (socket: Duplex) => void;
  /** An upgrade came through a trusted proxy: it is counted by its client's address. @returns why it must wait */
  readonly forwarded: (socket: Duplex, client: string) => string | undefined;
  /** True while new WebSockets are taken. */
  readonly isOpen: () => boolean;
  /** Why the connection may not become a WebSocket: there are too many; undefined if it may. */
  readonly full: (socket: Duplex) => string | undefined;
  readonly opened: (ws: WebSocket, socket: Duplex, hello: Hello) => void;
  /** A web page was refused. */
  readonly refusedPage: (page: RefusedPage) => void;
}

/** One listening address. It answers HTTP requests with a short text or page, and checks and opens upgrades to WebSocket. */
export class Listener {
  /** `ws://host:port` with its real port. */
  readonly endpoint: string;
  /** The only dialect that answers here; undefined: all do. */
  readonly own: string | undefined;
  readonly #options: ListenerOptions;
  readonly #server: Server;
  readonly #dialects: readonly DialectPaths[];
  readonly #paths: readonly string[];
  // bound: the paths of the dialects · evicts: never · owner: Listener
  readonly #httpNotes: ReadonlyMap<string, string>;
  readonly #wss: WebSocketServer;
  /** Those whose request has come whole. */
  readonly #asked = new WeakSet<Duplex>();

  private constructor(options: ListenerOptions, server: Server) {
    const { asked, dialects, limits, log, ledger, host, port, own, readTurns, reads } = options;
    this.#options = options;
    this.#server = server;
    this.own = own;
    this.endpoint = endpointOf(server);
    this.#dialects = own === undefined ? dialects : dialects.filter(({ name }) => name === own);
    this.#paths = pathsOf(this.#dialects);
    this.#httpNotes = httpNotesOf(this.#dialects);
    this.#wss = new WebSocketServer({
      noServer: true,
      WebSocket: explainingWebSocket(limits),
      perMessageDeflate: false,
      clientTracking: false,
      skipUTF8Validation: false,
      autoPong: false,
      // A message of up to twice the limit is refused in the dialect's words; a longer one ends the connection (1009).
      maxPayload: limits.wsFrameMaxBytes * 2,
      maxFragments: limits.wsFragmentsMax,
      // The same choice as in `#upgrade`: `ws` writes it into its answer.
      handleProtocols: (offered, request) =>
        chooseSubprotocol([...offered].join(), pathOf(request.url) ?? "", this.#dialects) ?? false,
    });
    server.on(server instanceof TlsServer ? "secureConnection" : "connection", (socket: Socket) => {
      const reader = readHeadInTurn(socket, readTurns, () => this.#asked.has(socket));
      if (reader !== undefined) reads(socket, reader);
    });
    server.on("request", (request, response) => {
      this.#asked.add(request.socket);
      asked(request.socket);
      void this.#answer(request, response);
    });
    if (server instanceof TlsServer) {
      server.on("tlsClientError", (_error, socket) => {
        ledger.count("ws-tls-refused");
        socket.destroy();
      });
    }
    server.on("upgrade", (request, socket, head) => {
      asked(socket);
      this.#upgrade(request, socket, head);
    });
    server.on("error", (error) => {
      log("error", "websocket door failed", { host, port, error: error.message });
    });
  }

  /** @throws Fault conflict (address in use), forbidden, unavailable */
  static async open(options: ListenerOptions): Promise<Listener> {
    const { host, port, limits, tls, arrived, helloTurns, waited, ledger } = options;
    const serverOptions: ServerOptions = {
      maxHeaderSize: limits.httpHeadMaxBytes,
      // The edge measures the time: Node's own timers cut whoever spoke while this process stood still.
      headersTimeout: 0,
      requestTimeout: 0,
      keepAliveTimeout: 1,
      noDelay: true,
    };
    const server =
      tls === undefined
        ? createServer(serverOptions)
        : createTlsServer({ ...serverOptions, ...tls, ...tlsRules, handshakeTimeout: timerMaxMs });
    const handshakes = server instanceof TlsServer ? server.listeners("connection") : [];
    if (server instanceof TlsServer) server.removeAllListeners("connection");
    server.on("connection", (socket: Socket) => {
      arrived(socket, tls !== undefined);
      if (tls === undefined || socket.destroyed) return;
      const begin = (waitedMs: number): void => {
        waited(socket, waitedMs);
        for (const handshake of handshakes) handshake.call(server, socket);
      };
      helloTurns.wait(socket, begin, () => {
        ledger.count("ws-tls-refused");
        socket.destroy();
      });
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

  /** New connections get this pair from now on. */
  renew(pair: TlsPair): void {
    if (this.#server instanceof TlsServer) this.#server.setSecureContext({ ...pair, ...tlsRules });
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
    const { pages, log, clock } = this.#options;
    try {
      const page = await pages?.(this.#pageRequest(request));
      respond(request, response, page ?? frontPage(request.method, request.url, this.#paths, this.#httpNotes), clock);
    } catch (thrown) {
      log("error", "a page failed", { error: String(thrown) });
      respond(request, response, text(500, "The broker failed; its log says why."), clock);
    }
  }

  #pageRequest({ method = "GET", url, headers, socket }: IncomingMessage): PageRequest {
    const { access, tls } = this.#options;
    const peer = addressOf(socket.remoteAddress);
    const isProxied = access.isProxy(peer);
    const isTls = tls !== undefined || isProxied;
    const remote = access.clientOf({ headers, peer, isTls });
    const { host = this.endpoint.replace(/^\w+:\/\//, "") } = headers;
    const isOurs = access.isOurs(headers.host ?? "");
    return {
      method,
      path: pathOf(url) ?? "",
      remote,
      isLocal: isThisMachine(peer) && !isProxied && !isForwarded(headers) && namesThisMachine(headers.host ?? ""),
      wantsHtml: wantsHtml(headers),
      host,
      isOurs: isOurs || headers.host === undefined,
      isTls,
      paths: this.#paths,
      bearer: helloOf(headers, { remote, path: "", subprotocol: undefined }).bearer,
      ifNoneMatch: headers["if-none-match"],
    };
  }

  /** Answers an ordinary request that offered another protocol: the server has let go of its socket. */
  #answerOn(socket: Duplex, request: IncomingMessage): void {
    if (!(socket instanceof Socket)) throw new TypeError("a server's sockets are TCP or TLS");
    const response = new ServerResponse(request);
    response.assignSocket(socket);
    endAfterAnswer(socket);
    response.once("finish", () => {
      socket.end();
    });
    // Whatever it says beyond its head is not read.
    socket.resume();
    void this.#answer(request, response);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { ledger, full, isOpen, opened, own, access, forwarded, tls, refusedPage } = this.#options;
    const path = pathOf(request.url);
    const peer = addressOf(request.socket.remoteAddress);
    const asking = { headers: request.headers, peer, isTls: tls !== undefined || access.isProxy(peer) };
    // A socket that is not writable was refused on arrival.
    if (!socket.writable) return;
    if (!asksForWebSocket(request.headers)) {
      this.#answerOn(socket, request);
      return;
    }
    request.headers.upgrade = "websocket"; // `ws` takes it alone only
    if (path === undefined || !this.#paths.includes(path)) {
      ledger.count("ws-unknown-path");
      refuseSocket(socket, nothingHere(this.#paths));
      return;
    }
    const refusal = access.refusal(asking);
    const remote = access.clientOf(asking);
    const tooManyOfClient = remote === asking.peer ? undefined : forwarded(socket, remote);
    const tooManyOfAll = full(socket);
    if (refusal !== undefined) {
      ledger.count("ws-origin-refused");
      const { origin = "", host = "" } = request.headers;
      refusedPage({ origin, host, remote, remedy: refusal });
      refuseSocket(socket, text(403, refusal));
    } else if (tooManyOfClient !== undefined) {
      ledger.count(tooManyOfClient);
      refuseSocket(socket, text(503, tooMany));
    } else if (!isOpen()) {
      refuseSocket(socket, text(503, "The broker is stopping; try again in a few seconds."));
    } else if (tooManyOfAll !== undefined) {
      ledger.count(tooManyOfAll);
      refuseSocket(socket, text(503, tooMany));
    } else {
      const subprotocol = chooseSubprotocol(request.headers["sec-websocket-protocol"], path, this.#dialects);
      this.#wss.handleUpgrade(request, socket, head, (ws) => {
        opened(ws, socket, helloOf(request.headers, { remote, path, subprotocol, ...(own !== undefined && { own }) }));
      });
    }
  }
}

function endpointOf(server: Server): string {
  const { address, port } = server.address() as AddressInfo; // a listening TCP server has one
  const host = address.includes(":") ? `[${address}]` : address;
  return `${server instanceof TlsServer ? "wss" : "ws"}://${host}:${String(port)}`;
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

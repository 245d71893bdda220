import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import {
  breakInTurn,
  type BacklogTotal,
  type Clock,
  type Flusher,
  type Ledger,
  type Lifecycle,
  type Limits,
  type Log,
  type Slices,
  ConnectionsPerAddress,
  Places,
  ReadTurns,
  type Reader,
} from "../../core/index.js";
import type { Connection, Hello, Receiver } from "../../dialect/connection.js";
import { WsConnection } from "./connection.js";
import type { Access } from "./access.js";
import { refuseSocket, text, type Pages } from "./front-page.js";
import { HelloTurns } from "./hello-turns.js";
import { Listener, tooMany, type ListenAt } from "./listener.js";
import { OriginWarnings } from "./origin-warnings.js";
import type { TlsPair } from "./tls.js";
import { addressOf, isThisMachine, type DialectPaths } from "./upgrade.js";

/** Where the edge listens, who may connect, and what receives each new connection. */
export interface WsEdgeOptions {
  readonly listen: readonly ListenAt[];
  readonly access: Access;
  /** Encrypts every listener; absent: they are clear text. */
  readonly tls?: TlsPair | undefined;
  /** Answers requests for health and metrics. */
  readonly pages?: Pages | undefined;
  readonly dialects: readonly DialectPaths[];
  readonly limits: Limits;
  readonly clock: Clock;
  readonly flusher: Flusher;
  /** For the end of connections: thousands may end in one moment. Each waits once. */
  readonly endings: Slices;
  readonly total: BacklogTotal;
  readonly ledger: Ledger;
  /** Returns the receiver of a new connection's frames; called in the turn of its upgrade. */
  readonly accept: (connection: Connection, hello: Hello) => Receiver;
  readonly newId: () => string;
  readonly log: Log;
}

/**
 * Half-open connections beyond `wsHalfOpenMax` that only this machine may begin: a health check is answered also when
 * the edge is full.
 */
export const ownPlaces = 16;

/** A TCP connection that has not logged in yet. */
interface HalfOpen {
  readonly key: string;
  readonly socket: Socket;
  /** The WebSocket that it has become. */
  connection: WsConnection | undefined;
  /** It was let in beyond `wsHalfOpenMax`. */
  isBeyond: boolean;
  readonly isTls: boolean;
  /** Monotonic: until when the head of its request must have come; Infinity once it has. */
  askBy: number;
  /** Reads its head, once it speaks HTTP. */
  reader: Reader | undefined;
}

/** The close code of a WebSocket that made room for somebody else (IANA: try again later). */
const tryAgainLater = 1013;
/** The ledger's reasons for what one address may not have. */
const addressReasons = { full: "ws-address-full", hasty: "ws-address-hasty" } as const;

/** All connections are checked so many times per ping interval. */
const checksPerPing = 8;

/** All WebSocket doors of a broker: they share limits, and this owns their connections. */
export class WsEdge implements Lifecycle {
  readonly #options: WsEdgeOptions;
  readonly #listeners: Listener[] = [];
  // bound: wsConnectionsMax · evicts: a further connection is answered 503 · owner: WsEdge
  readonly #connections = new Set<WsConnection>();
  // bound: wsHalfOpenMax, and 16 of this machine · evicts: with its place; httpHeadMs and wsLoginMs end those that wait ·
  // owner: WsEdge
  readonly #halfOpen = new Map<string, HalfOpen>();
  readonly #places: Places<HalfOpen>;
  readonly #readTurns: ReadTurns;
  readonly #helloTurns: HelloTurns;
  readonly #perAddress: ConnectionsPerAddress;
  readonly #originWarnings: OriginWarnings;
  readonly #putOff = (run: () => void): void => {
    this.#options.endings.do(run);
  };
  readonly #failed = (thrown: unknown): void => {
    this.#options.log("error", "a WebSocket could not be read", { error: String(thrown) });
  };
  #phase: "new" | "open" | "draining" | "stopped" = "new";
  #cancelCheck: (() => void) | undefined;
  #cancelHeads: (() => void) | undefined;
  /** Called whenever the last connection is gone. */
  #empty: (() => void) | undefined;

  constructor(options: WsEdgeOptions) {
    this.#options = options;
    const { limits, clock, log, access, flusher, tls } = options;
    this.#readTurns = new ReadTurns(clock, () => flusher.isBehind);
    this.#helloTurns = new HelloTurns(clock);
    this.#places = new Places(
      () => limits.wsHalfOpenMax,
      (halfOpen) => {
        this.#makeRoom(halfOpen);
      },
    );
    this.#perAddress = new ConnectionsPerAddress(
      () => ({
        connectionsMax: limits.wsConnectionsPerAddressMax,
        perSecond: limits.wsHandshakesPerSecond,
        burst: limits.wsHandshakesBurst,
        addressesMax: limits.wsAddressesMax,
      }),
      clock,
    );
    this.#originWarnings = new OriginWarnings(limits, clock, log);
    if (tls !== undefined) access.showCertificate(tls.cert);
  }

  /** `ws://host:port` of every listener at which all dialects answer, with its real port. */
  get endpoints(): readonly string[] {
    return this.#listeners.filter(({ own }) => own === undefined).map(({ endpoint }) => endpoint);
  }

  /** The same for listeners at which only one dialect answers, by its name. */
  get ownEndpoints(): Readonly<Record<string, string>> {
    return Object.fromEntries(
      this.#listeners.flatMap(({ own, endpoint }) => (own === undefined ? [] : [[own, endpoint]])),
    );
  }

  /** Open WebSockets. */
  get size(): number {
    return this.#connections.size;
  }

  /** Monotonic: when the oldest came of what was read and waits for its turn; Infinity if nothing waits. */
  get unheardSince(): number {
    return this.#readTurns.unheardSince;
  }

  /** How many connections have not logged in yet. */
  get halfOpen(): number {
    return this.#halfOpen.size;
  }

  /** @throws Fault conflict (address in use), unavailable */
  async start(): Promise<void> {
    try {
      for (const at of this.#options.listen) await this.#listen(at);
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
    this.#phase = "open";
    this.#check();
    this.#checkHeads();
  }

  /** New connections get this pair from now on. */
  renew(pair: TlsPair): void {
    for (const listener of this.#listeners) listener.renew(pair);
    this.#options.access.showCertificate(pair.cert);
  }

  /** Refuses new WebSockets with a reason, until it stops. Open ones are closed by their sessions. */
  drain(): Promise<void> {
    if (this.#phase === "open") this.#phase = "draining";
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    if (this.#phase === "stopped") return;
    this.#phase = "stopped";
    this.#cancelCheck?.();
    this.#cancelHeads?.();
    const gone = new Promise<void>((resolve) => {
      this.#empty = resolve;
    });
    if (this.#connections.size === 0) this.#empty?.();
    for (const connection of this.#connections) connection.terminate();
    // A socket that has sent nothing yet (a TLS handshake that never begins) is not yet a connection of the server, but
    // keeps the server open.
    for (const { socket } of this.#halfOpen.values()) socket.destroy();
    await gone;
    await Promise.all(this.#listeners.splice(0).map((listener) => listener.stop()));
  }

  async #listen(at: ListenAt): Promise<void> {
    const { dialects, limits, ledger, log, access, tls, pages } = this.#options;
    const listener = await Listener.open({
      ...at,
      dialects,
      limits,
      ledger,
      log,
      access,
      tls,
      pages,
      arrived: (socket, isTls) => {
        this.#arrived(socket, isTls);
      },
      readTurns: this.#readTurns,
      helloTurns: this.#helloTurns,
      waited: (socket, ms) => {
        const halfOpen = this.#halfOpenOf(socket);
        if (halfOpen !== undefined) halfOpen.askBy += Math.min(ms, limits.httpHeadMs);
      },
      reads: (socket, reader) => {
        const halfOpen = this.#halfOpenOf(socket);
        if (halfOpen !== undefined) halfOpen.reader = reader;
      },
      asked: (socket) => {
        const halfOpen = this.#halfOpenOf(socket);
        if (halfOpen !== undefined) halfOpen.askBy = Infinity;
      },
      forwarded: (socket, client) => this.#forwarded(socket, client),
      isOpen: () => this.#phase === "open",
      full: (socket) => this.#full(socket),
      refusedPage: (page) => {
        this.#originWarnings.warn(page);
      },
      opened: (ws, socket, hello) => {
        this.#open(ws, socket, hello);
      },
    });
    this.#listeners.push(listener);
  }

  /** Counts a TCP connection as half-open from its beginning, before it has sent anything. */
  #arrived(socket: Socket, isTls: boolean): void {
    const { limits, ledger, access, clock } = this.#options;
    const peer = addressOf(socket.remoteAddress);
    const isOwn = isThisMachine(peer);
    const isProxy = access.isProxy(peer);
    const before = this.#places.size;
    const halfOpen: HalfOpen = {
      key: keyOf(socket),
      socket,
      isBeyond: false,
      isTls,
      askBy: clock.monotonic() + limits.httpHeadMs,
      connection: undefined,
      reader: undefined,
    };
    const full =
      this.#connections.size >= limits.wsConnectionsMax && !isOwn
        ? "ws-connections-full"
        : ((isProxy ? undefined : this.#enter(socket, peer)) ??
          (this.#places.take(halfOpen, isOwn || isProxy ? undefined : peer, isOwn ? ownPlaces : 0)
            ? undefined
            : "ws-half-open-full"));
    if (full !== undefined) {
      ledger.count(full);
      refuse(halfOpen, 503, tooMany);
      return;
    }
    breakInTurn(socket, this.#putOff);
    // Where somebody has made room there are no more than before.
    halfOpen.isBeyond = before >= limits.wsHalfOpenMax && this.#places.size > before;
    this.#halfOpen.set(halfOpen.key, halfOpen);
    socket.once("close", () => {
      this.#leave(halfOpen);
    });
  }

  /** A connection is not half-open any more. */
  #leave(halfOpen: HalfOpen): void {
    this.#places.leave(halfOpen);
    if (this.#halfOpen.get(halfOpen.key) === halfOpen) this.#halfOpen.delete(halfOpen.key);
    // Its socket remembers it until it closes.
    halfOpen.reader = undefined;
    halfOpen.connection = undefined;
  }

  /** Ends a connection that has lost its place. */
  #makeRoom(halfOpen: HalfOpen): void {
    const { connection } = halfOpen;
    this.#leave(halfOpen);
    this.#options.ledger.count("ws-half-open-full");
    connection?.close({ code: tryAgainLater, reason: tooMany });
    // Without waiting for its answer: those that have lost their places would be too many.
    connection?.terminate();
    if (connection === undefined) refuse(halfOpen, 503, tooMany);
  }

  /** An upgrade came through a trusted proxy: it is charged to its client from now on. @returns why it must wait */
  #forwarded(socket: Duplex, client: string): string | undefined {
    const full = this.#enter(socket, client);
    const halfOpen = this.#halfOpenOf(socket);
    if (full === undefined && halfOpen !== undefined) this.#places.charge(halfOpen, client);
    return full;
  }

  /** Why a connection that has arrived may not become a WebSocket; undefined if it may. */
  #full(socket: Duplex): string | undefined {
    const { wsConnectionsMax, wsHalfOpenMax } = this.#options.limits;
    if (this.#connections.size >= wsConnectionsMax) return "ws-connections-full";
    const isBeyond = this.#halfOpenOf(socket)?.isBeyond === true;
    return isBeyond && this.#halfOpen.size > wsHalfOpenMax ? "ws-half-open-full" : undefined;
  }

  #halfOpenOf(socket: Duplex): HalfOpen | undefined {
    return this.#halfOpen.get(keyOf(socket as Duplex & Peer)); // a server's sockets are TCP or TLS
  }

  /** Counts a connection for its address until it ends. @returns why it must wait */
  #enter(socket: Duplex, address: string): string | undefined {
    const entered = this.#perAddress.enter(address);
    if (typeof entered === "string") return addressReasons[entered];
    if (entered !== undefined) socket.once("close", entered);
    return undefined;
  }

  #open(ws: WebSocket, socket: Duplex, hello: Hello): void {
    const { limits, clock, flusher, endings, total, ledger, newId, accept } = this.#options;
    const halfOpen = this.#halfOpenOf(socket);
    const connection: WsConnection = new WsConnection({
      id: newId(),
      remote: hello.remote,
      socket,
      ws,
      limits,
      clock,
      flusher,
      endings,
      readTurns: this.#readTurns,
      total,
      ledger,
      admitted: () => {
        if (halfOpen !== undefined) this.#leave(halfOpen);
      },
      failed: this.#failed,
      gone: () => {
        this.#connections.delete(connection);
        if (this.#connections.size === 0) this.#empty?.();
      },
    });
    if (halfOpen !== undefined) halfOpen.connection = connection;
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

  /** Ends connections whose request does not come whole in time (TLS handshake included). */
  #checkHeads(): void {
    const { clock, limits, ledger } = this.#options;
    this.#cancelHeads = clock.after(Math.max(10, Math.min(1_000, limits.httpHeadMs / 2)), () => {
      const now = clock.monotonic();
      for (const halfOpen of this.#halfOpen.values()) {
        if (halfOpen.askBy > now || this.#waits(halfOpen, now)) continue;
        ledger.count("ws-head-timeout");
        refuse(halfOpen, 408, "The head of the request did not come in time.");
        halfOpen.askBy = Infinity;
      }
      this.#checkHeads();
    });
  }

  /** True if what it said in time may still wait for its turn, or has waited for so long that its time is not over. */
  #waits({ askBy, reader, socket }: HalfOpen, now: number): boolean {
    if (reader === undefined) return this.#helloTurns.waits(socket);
    const turns = this.#readTurns;
    return turns.waits(reader) || askBy + Math.min(turns.waitedMs(reader), this.#options.limits.httpHeadMs) > now;
  }
}

/** Ends a connection that has not become a WebSocket, with an answer where it waits for one. */
function refuse({ socket, isTls, askBy }: HalfOpen, status: number, words: string): void {
  // A peer that waits for TLS cannot read an answer in clear text, and what has asked has its answer, or is getting it.
  if (isTls || askBy === Infinity) socket.destroy();
  else refuseSocket(socket, text(status, words));
}

/** What the TCP socket and the TLS socket of one connection have in common. */
type Peer = Pick<Socket, "localPort" | "remoteAddress" | "remotePort">;

/** A key that is the same for a TCP socket and the TLS socket over it. */
function keyOf({ localPort, remoteAddress, remotePort }: Peer): string {
  return `${String(localPort)} ${String(remoteAddress)} ${String(remotePort)}`;
}

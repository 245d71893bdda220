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
  ReadTurns,
} from "../../core/index.js";
import type { Connection, Hello, Receiver } from "../../dialect/connection.js";
import { WsConnection } from "./connection.js";
import type { Access } from "./access.js";
import type { Pages } from "./front-page.js";
import { HalfOpenConnections, refuseHalfOpen } from "./half-open.js";
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
  readonly #halfOpen: HalfOpenConnections;
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
  /** Called whenever the last connection is gone. */
  #empty: (() => void) | undefined;

  constructor(options: WsEdgeOptions) {
    this.#options = options;
    const { limits, clock, ledger, log, access, flusher, tls } = options;
    this.#readTurns = new ReadTurns(clock, () => flusher.isBehind);
    this.#helloTurns = new HelloTurns(clock);
    this.#halfOpen = new HalfOpenConnections({
      limits,
      clock,
      ledger,
      readTurns: this.#readTurns,
      helloTurns: this.#helloTurns,
    });
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
    this.#halfOpen.start();
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
    this.#halfOpen.stop();
    const gone = new Promise<void>((resolve) => {
      this.#empty = resolve;
    });
    if (this.#connections.size === 0) this.#empty?.();
    for (const connection of this.#connections) connection.terminate();
    this.#halfOpen.end();
    await gone;
    await Promise.all(this.#listeners.splice(0).map((listener) => listener.stop()));
  }

  async #listen(at: ListenAt): Promise<void> {
    const { dialects, limits, ledger, log, clock, access, tls, pages } = this.#options;
    const listener = await Listener.open({
      ...at,
      dialects,
      limits,
      ledger,
      log,
      clock,
      access,
      tls,
      pages,
      arrived: (socket, isTls) => {
        this.#arrived(socket, isTls);
      },
      readTurns: this.#readTurns,
      helloTurns: this.#helloTurns,
      waited: (socket, ms) => {
        const halfOpen = this.#halfOpen.of(socket);
        if (halfOpen !== undefined) halfOpen.askBy += Math.min(ms, limits.httpHeadMs);
      },
      reads: (socket, reader) => {
        const halfOpen = this.#halfOpen.of(socket);
        if (halfOpen !== undefined) halfOpen.reader = reader;
      },
      asked: (socket) => {
        const halfOpen = this.#halfOpen.of(socket);
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
    const { limits, ledger, access } = this.#options;
    const peer = addressOf(socket.remoteAddress);
    const isOwn = isThisMachine(peer);
    const isProxy = access.isProxy(peer);
    const halfOpen = this.#halfOpen.begin(socket, isTls);
    const full =
      this.#connections.size >= limits.wsConnectionsMax && !isOwn
        ? "ws-connections-full"
        : ((isProxy ? undefined : this.#enter(socket, peer)) ??
          (this.#halfOpen.take(halfOpen, isOwn || isProxy ? undefined : peer, isOwn)
            ? undefined
            : "ws-half-open-full"));
    if (full !== undefined) {
      ledger.count(full);
      refuseHalfOpen(halfOpen, 503, tooMany);
      return;
    }
    breakInTurn(socket, this.#putOff);
  }

  /** An upgrade came through a trusted proxy: it is charged to its client from now on. @returns why it must wait */
  #forwarded(socket: Duplex, client: string): string | undefined {
    const full = this.#enter(socket, client);
    const halfOpen = this.#halfOpen.of(socket);
    if (full === undefined && halfOpen !== undefined) this.#halfOpen.charge(halfOpen, client);
    return full;
  }

  /** Why a connection that has arrived may not become a WebSocket; undefined if it may. */
  #full(socket: Duplex): string | undefined {
    if (this.#connections.size >= this.#options.limits.wsConnectionsMax) return "ws-connections-full";
    return this.#halfOpen.isTooMany(socket) ? "ws-half-open-full" : undefined;
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
    const halfOpen = this.#halfOpen.of(socket);
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
        if (halfOpen !== undefined) this.#halfOpen.leave(halfOpen);
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
}

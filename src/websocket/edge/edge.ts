import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { BacklogTotal, Clock, Flusher, Ledger, Lifecycle, Limits, Log } from "../../core/index.js";
import type { Connection, Hello, Receiver } from "../../dialect/connection.js";
import { WsConnection } from "./connection.js";
import type { Access } from "./access.js";
import { Crowd, isThisMachine } from "./crowd.js";
import { addressOf, type EdgeDoor } from "./door.js";
import { refuseSocket, text, type Pages } from "./front-page.js";
import { Listener, tooMany, type ListenAt } from "./listener.js";
import type { TlsPair } from "./tls.js";

/** What {@link WsEdge} needs. */
export interface WsEdgeOptions {
  readonly listen: readonly ListenAt[];
  readonly access: Access;
  /** TLS for every listener. */
  readonly tls?: TlsPair | undefined;
  /** Answers the operator's requests (health, metrics). */
  readonly pages?: Pages | undefined;
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

/**
 * Connections beyond `wsHalfOpenMax` that only this machine may begin: who asks whether the process works is answered
 * also when it is full.
 */
export const ownPlaces = 16;

/** Connections are looked after in this many steps per ping interval. */
const checksPerPing = 8;

/** The WebSocket door: HTTP upgrade, limits, connections. */
export class WsEdge implements Lifecycle {
  readonly #options: WsEdgeOptions;
  readonly #listeners: Listener[] = [];
  // bound: wsConnectionsMax · evicts: a further connection is answered 503 · owner: WsEdge
  readonly #connections = new Set<WsConnection>();
  // bound: wsHalfOpenMax, and 16 of this machine · evicts: a further connection is answered 503; httpHeadMs and
  // wsLoginMs end those that wait · owner: WsEdge
  readonly #halfOpen = new Map<string, { readonly socket: Socket; readonly isBeyond: boolean }>();
  readonly #crowd: Crowd;
  #phase: "new" | "open" | "draining" | "stopped" = "new";
  #cancelCheck: (() => void) | undefined;
  /** Called whenever the last connection is gone. */
  #empty: (() => void) | undefined;

  constructor(options: WsEdgeOptions) {
    this.#options = options;
    this.#crowd = new Crowd(options);
  }

  /** `ws://host:port` of every listener at which all dialects answer, with its real port. */
  get endpoints(): readonly string[] {
    return this.#listeners.filter(({ own }) => own === undefined).map(({ endpoint }) => endpoint);
  }

  /** The same of the listeners that one dialect has for itself, by its name. */
  get ownEndpoints(): Readonly<Record<string, string>> {
    return Object.fromEntries(
      this.#listeners.flatMap(({ own, endpoint }) => (own === undefined ? [] : [[own, endpoint]])),
    );
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
      for (const at of this.#options.listen) await this.#listen(at);
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
    this.#phase = "open";
    this.#check();
  }

  /** From now on new connections get this pair. */
  renew(pair: TlsPair): void {
    for (const listener of this.#listeners) listener.renew(pair);
  }

  /** Takes no new WebSockets, and says so until it stops; those that are open are their sessions' to end. */
  drain(): Promise<void> {
    if (this.#phase === "open") this.#phase = "draining";
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
    // Who has not even said what it wants (a TLS handshake that never begins) is no connection of the server's yet, but
    // keeps it open.
    for (const { socket } of this.#halfOpen.values()) socket.destroy();
    await gone;
    await Promise.all(this.#listeners.splice(0).map((listener) => listener.stop()));
  }

  async #listen(at: ListenAt): Promise<void> {
    const { doors, limits, ledger, log, access, tls, pages } = this.#options;
    const listener = await Listener.open({
      ...at,
      doors,
      limits,
      ledger,
      log,
      access,
      tls,
      pages,
      arrived: (socket, isTls) => {
        this.#arrived(socket, isTls);
      },
      forwarded: (socket, client) => this.#enter(socket, client),
      isOpen: () => this.#phase === "open",
      full: (socket) => this.#full(socket),
      opened: (ws, socket, hello) => {
        this.#open(ws, socket, hello);
      },
    });
    this.#listeners.push(listener);
  }

  /** Half-open from the first byte on: a TCP connection counts before it has said anything. */
  #arrived(socket: Socket, isTls: boolean): void {
    const { limits, ledger, access } = this.#options;
    const peer = addressOf(socket.remoteAddress);
    const places = limits.wsHalfOpenMax + (isThisMachine(peer) ? ownPlaces : 0);
    const full =
      this.#connections.size >= limits.wsConnectionsMax && !isThisMachine(peer)
        ? "ws-connections-full"
        : this.#halfOpen.size >= places
          ? "ws-half-open-full"
          : access.isProxy(peer)
            ? undefined
            : this.#enter(socket, peer);
    if (full !== undefined) {
      ledger.count(full);
      // Words in clear text mean nothing to a peer that waits for TLS.
      if (isTls) socket.destroy();
      else refuseSocket(socket, text(503, tooMany));
      return;
    }
    const key = keyOf(socket);
    this.#halfOpen.set(key, { socket, isBeyond: this.#halfOpen.size >= limits.wsHalfOpenMax });
    socket.once("close", () => {
      this.#halfOpen.delete(key);
    });
  }

  /** Why a connection that has arrived may not become a WebSocket; undefined if it may. */
  #full(socket: Duplex): string | undefined {
    const { wsConnectionsMax, wsHalfOpenMax } = this.#options.limits;
    if (this.#connections.size >= wsConnectionsMax) return "ws-connections-full";
    const isBeyond = this.#halfOpen.get(keyOf(socket as Duplex & Peer))?.isBeyond === true;
    return isBeyond && this.#halfOpen.size > wsHalfOpenMax ? "ws-half-open-full" : undefined;
  }

  /** Counts a connection for its address until it ends. @returns why it must wait */
  #enter(socket: Duplex, address: string): string | undefined {
    const entered = this.#crowd.enter(address);
    if (typeof entered === "string") return entered;
    if (entered !== undefined) socket.once("close", entered);
    return undefined;
  }

  #open(ws: WebSocket, socket: Duplex, hello: Hello): void {
    const { limits, clock, flusher, total, ledger, newId, accept } = this.#options;
    const key = keyOf(socket as Duplex & Peer);
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
        this.#halfOpen.delete(key);
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

/** What TCP and TLS sockets of one connection have in common. */
type Peer = Pick<Socket, "localPort" | "remoteAddress" | "remotePort">;

/** The same for a TCP socket and the TLS socket over it. */
function keyOf({ localPort, remoteAddress, remotePort }: Peer): string {
  return `${String(localPort)} ${String(remoteAddress)} ${String(remotePort)}`;
}

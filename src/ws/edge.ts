import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { BacklogTotal, Clock, Flusher, Ledger, Lifecycle, Limits, Log } from "../core/index.js";
import type { Connection, Hello, Receiver } from "../dialect/connection.js";
import { WsConnection } from "./connection.js";
import type { EdgeDoor } from "./door.js";
import { refuseSocket, text } from "./front-page.js";
import { Listener, type ListenAt } from "./listener.js";

/** What {@link WsEdge} needs. */
export interface WsEdgeOptions {
  readonly listen: readonly ListenAt[];
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
  readonly #listeners: Listener[] = [];
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
  }

  /** `ws://host:port` of every listener at which all dialects answer, with its real port. */
  get endpoints(): readonly string[] {
    return this.#listeners.filter(({ own }) => own === undefined).map(({ endpoint }) => endpoint);
  }

  /** The same of the listeners that one dialect has for itself, by its name. */
  get ownEndpoints(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#listeners.flatMap(({ own, endpoint }) => (own === undefined ? [] : [[own, endpoint]])));
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

  /** Takes no new connections; those that are open are their sessions' to end. */
  drain(): Promise<void> {
    if (this.#phase === "open") this.#phase = "draining";
    for (const listener of this.#listeners) listener.drain();
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
    await Promise.all(this.#listeners.splice(0).map((listener) => listener.stop()));
  }

  async #listen(at: ListenAt): Promise<void> {
    const { doors, limits, ledger, log } = this.#options;
    const listener = await Listener.open({
      ...at,
      doors,
      limits,
      ledger,
      log,
      arrived: (socket) => {
        this.#arrived(socket);
      },
      isOpen: () => this.#phase === "open",
      isFull: () => this.#connections.size >= limits.wsConnectionsMax,
      opened: (ws, socket, hello) => {
        this.#open(ws, socket, hello);
      },
    });
    this.#listeners.push(listener);
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

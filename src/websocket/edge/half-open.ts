import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Places, type Clock, type Ledger, type Limits, type Reader, type ReadTurns } from "../../core/index.js";
import type { WsConnection } from "./connection.js";
import { refuseSocket, text } from "./front-page.js";
import type { HelloTurns } from "./hello-turns.js";
import { tooMany } from "./listener.js";

/**
 * Half-open connections beyond `wsHalfOpenMax` that only this machine may begin: a health check is answered also when
 * the edge is full.
 */
export const ownPlaces = 16;

/** The close code of a WebSocket that made room for somebody else (IANA: try again later). */
const tryAgainLater = 1013;

/** A TCP connection that has not logged in yet. */
export interface HalfOpen {
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

/** What connections use that have not logged in yet. */
export interface HalfOpenOptions {
  readonly limits: Pick<Limits, "wsHalfOpenMax" | "httpHeadMs">;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly readTurns: ReadTurns;
  readonly helloTurns: Pick<HelloTurns, "waits">;
}

/**
 * The TCP connections that have not logged in yet, from their beginning, before they have sent anything: how many there
 * may be, who makes room when there are more, and by when the head of their request must have come.
 */
export class HalfOpenConnections {
  readonly #options: HalfOpenOptions;
  // bound: wsHalfOpenMax, and 16 of this machine · evicts: with its place; httpHeadMs and wsLoginMs end those that wait ·
  // owner: HalfOpenConnections
  readonly #all = new Map<string, HalfOpen>();
  readonly #places: Places<HalfOpen>;
  #cancelCheck: (() => void) | undefined;

  constructor(options: HalfOpenOptions) {
    this.#options = options;
    this.#places = new Places(
      () => options.limits.wsHalfOpenMax,
      (halfOpen) => {
        this.#makeRoom(halfOpen);
      },
    );
  }

  /** How many there are. */
  get size(): number {
    return this.#all.size;
  }

  /** More of them than usual, of which this one is: it may not become a WebSocket. */
  isTooMany(socket: Duplex): boolean {
    return this.of(socket)?.isBeyond === true && this.#all.size > this.#options.limits.wsHalfOpenMax;
  }

  /** The one of this socket, or of the TLS socket over it. */
  of(socket: Duplex): HalfOpen | undefined {
    return this.#all.get(keyOf(socket as Duplex & Peer)); // a server's sockets are TCP or TLS
  }

  /** One that has just begun and has no place yet. */
  begin(socket: Socket, isTls: boolean): HalfOpen {
    const askBy = this.#options.clock.monotonic() + this.#options.limits.httpHeadMs;
    return { key: keyOf(socket), socket, isBeyond: false, isTls, askBy, connection: undefined, reader: undefined };
  }

  /**
   * Gives it a place, which counts for an address until it leaves.
   * @param address undefined: for nobody's (this machine, a proxy)
   * @returns false: there is none
   */
  take(halfOpen: HalfOpen, address: string | undefined, isOwn: boolean): boolean {
    const before = this.#places.size;
    if (!this.#places.take(halfOpen, address, isOwn ? ownPlaces : 0)) return false;
    // Where somebody has made room there are no more than before.
    halfOpen.isBeyond = before >= this.#options.limits.wsHalfOpenMax && this.#places.size > before;
    this.#all.set(halfOpen.key, halfOpen);
    halfOpen.socket.once("close", () => {
      this.leave(halfOpen);
    });
    return true;
  }

  /** It counts for this address from now on. */
  charge(halfOpen: HalfOpen, address: string): void {
    this.#places.charge(halfOpen, address);
  }

  /** It is not half-open any more. */
  leave(halfOpen: HalfOpen): void {
    this.#places.leave(halfOpen);
    if (this.#all.get(halfOpen.key) === halfOpen) this.#all.delete(halfOpen.key);
    // Its socket remembers it until it closes.
    halfOpen.reader = undefined;
    halfOpen.connection = undefined;
  }

  /** From now on those end whose request does not come whole in time (TLS handshake included). */
  start(): void {
    const { clock, limits, ledger } = this.#options;
    this.#cancelCheck = clock.after(Math.max(10, Math.min(1_000, limits.httpHeadMs / 2)), () => {
      const now = clock.monotonic();
      for (const halfOpen of this.#all.values()) {
        if (halfOpen.askBy > now || this.#waits(halfOpen, now)) continue;
        ledger.count("ws-head-timeout");
        refuseHalfOpen(halfOpen, 408, "The head of the request did not come in time.");
        halfOpen.askBy = Infinity;
      }
      this.start();
    });
  }

  stop(): void {
    this.#cancelCheck?.();
  }

  /**
   * Ends all. A socket that has sent nothing yet (a TLS handshake that never begins) is not yet a connection of the
   * server, but keeps the server open.
   */
  end(): void {
    for (const { socket } of this.#all.values()) socket.destroy();
  }

  /** Ends one that has lost its place. */
  #makeRoom(halfOpen: HalfOpen): void {
    const { connection } = halfOpen;
    this.leave(halfOpen);
    this.#options.ledger.count("ws-half-open-full");
    connection?.close({ code: tryAgainLater, reason: tooMany });
    // Without waiting for its answer: those that have lost their places would be too many.
    connection?.terminate();
    if (connection === undefined) refuseHalfOpen(halfOpen, 503, tooMany);
  }

  /** True if what it said in time may still wait for its turn, or has waited for so long that its time is not over. */
  #waits({ askBy, reader, socket }: HalfOpen, now: number): boolean {
    const { helloTurns, readTurns: turns, limits } = this.#options;
    if (reader === undefined) return helloTurns.waits(socket);
    return turns.waits(reader) || askBy + Math.min(turns.waitedMs(reader), limits.httpHeadMs) > now;
  }
}

/** Ends a connection that has not become a WebSocket, with an answer where it waits for one. */
export function refuseHalfOpen({ socket, isTls, askBy }: HalfOpen, status: number, words: string): void {
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

import type { BacklogTotal, Clock, Flusher, Ledger, Limits, PassingBytes, Principal } from "../../core/index.js";
import { readPing } from "./commands.js";
import type { DoorKind, Introduction } from "./handshake.js";
import type { Mechanism, ZmtpPeer, ZmtpPolicy } from "./policy.js";
import type { RouteCache } from "./route-cache.js";
import type { SubscriptionBudget } from "./subscription-budget.js";

/** The parts of the broker that all connections of a listener share. */
export interface SharedParts {
  readonly ledger: Ledger;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly policy: ZmtpPolicy;
  readonly routes: RouteCache;
  readonly flusher: Flusher;
  readonly total: BacklogTotal;
  /** Logs what people should see of a client at `address`, once a minute for each reason. */
  readonly warn: WarnOfPeer;
  readonly subscriptions: SubscriptionBudget;
  /** Where what passes as bytes is shown while somebody looks. */
  readonly passing: PassingBytes;
}

/** `name`: who the client says it is. `remedy`: what to do about it. */
export type WarnOfPeer = (
  door: DoorKind,
  address: string,
  name: string | undefined,
  reason: string,
  remedy: string,
) => void;

/** The socket of a peer, as far as the peer may touch it. */
export interface PeerSocket {
  readonly id: string;
  readonly remote: string;
  readonly isLocal: boolean;
  /** Bytes given to the socket that the system has not taken yet. */
  readonly unsent: number;
  write(bytes: Buffer, done?: (error?: Error | null) => void): void;
  /** Closes the socket at once and counts why. */
  cut(reason: string): void;
}

/** A peer after its handshake, as its connection calls it. */
export interface ConnectedPeer {
  readonly peer: ZmtpPeer;
  readonly subscriptionCount: number;
  /** Bytes that wait: unsent ones of a subscriber, unfinished messages of a publisher. */
  readonly buffered: number;
  /** Messages for it that were dropped because it did not read them. */
  readonly dropped: number;
  /** The policy has let it in, and our READY has been sent. */
  opened(): void;
  /** @returns how many bytes of the chunk were taken, at least one. @throws IllegalBytes */
  data(chunk: Buffer): number;
  /** Bytes of it are here, though they wait for their turn. */
  heard(now: number): void;
  /** Called twice a second: does what is due. `now`: monotonic milliseconds. */
  tick(now: number): void;
  /** The policy did not let it in: whatever waits is dropped. */
  abandon(): void;
  /** The socket is closed. */
  gone(): void;
}

/** What is known of a peer, the same on both doors. */
export class PeerFacts implements ZmtpPeer {
  readonly id: string;
  readonly remote: string;
  readonly isLocal: boolean;
  readonly mechanism: Mechanism;
  readonly principal: Principal | undefined;
  readonly socketType: string;
  readonly declared: string | undefined;
  readonly instance: string | undefined;
  readonly #socket: PeerSocket;

  constructor(socket: PeerSocket, introduction: Introduction) {
    this.id = socket.id;
    this.remote = socket.remote;
    this.isLocal = socket.isLocal;
    this.mechanism = introduction.mechanism;
    this.principal = introduction.principal;
    this.socketType = introduction.socketType;
    this.declared = introduction.declared;
    this.instance = introduction.instance;
    this.#socket = socket;
  }

  close(reason: string): void {
    this.#socket.cut(reason);
  }
}

/** What is due: nothing, a PING, or the end of the connection and why. */
export type Pulse = "fine" | "ping" | "silent" | "ttl-passed";

/**
 * Finds out whether a peer is still there (RFC 37, ZeroMQ §12.3): pings an idle peer that knows PING, honours the
 * peer's own TTL, and ends a silent connection only if the peer has answered a PING before. A client that does not know
 * PING takes it for a message, or ends the connection (go-zeromq, zmq.rs): it is left to TCP keepalive. Times are
 * monotonic milliseconds.
 */
export class Heartbeat {
  #heardAt: number;
  #pingedAt: number;
  #ponged = false;
  #ttlMs = 0;
  /** PINGs that were counted, and how many of them are answered. */
  #pings = 0;
  #answered = 0;
  #knowsPings: boolean;
  readonly #limits: Limits;

  /** `knowsPings`: as its greeting says. */
  constructor(limits: Limits, knowsPings: boolean, now: number) {
    this.#limits = limits;
    this.#knowsPings = knowsPings;
    this.#heardAt = now;
    this.#pingedAt = now;
  }

  /** Bytes came. */
  heard(now: number): void {
    this.#heardAt = now;
  }

  /** A PING came. @returns its context, for the PONG. @throws IllegalBytes */
  ping(data: Buffer): Buffer {
    const { ttlMs, context } = readPing(data);
    this.#knowsPings = true;
    this.#ttlMs = ttlMs;
    return context;
  }

  /** True if it may be pinged. */
  get knowsPings(): boolean {
    return this.#knowsPings;
  }

  /** A PING of ours goes out, and its answer is counted. @returns its number, from 1 */
  pinged(): number {
    return (this.#pings += 1);
  }

  /** A PONG came. One without context answers the oldest PING that was counted and is not answered yet. */
  pong(hasContext: boolean): void {
    this.#ponged = true;
    if (!hasContext && this.#answered < this.#pings) this.#answered += 1;
  }

  /** How many PINGs are answered, at least. */
  get answered(): number {
    return this.#answered;
  }

  /** A PING was answered by its context: those before it need no answer any more. */
  answeredUpTo(ping: number): void {
    this.#answered = Math.max(this.#answered, ping);
  }

  /**
   * Says what is due. `busyAt`: when bytes for the peer last waited here. `isProving`: it has not proved yet that it read
   * what a mailbox handed over to it, and it may answer no ping until it reads (protocols §9.1). A subscriber that is too busy to read its
   * messages does not read pings either; it is not dead. Bytes that the system has taken prove nothing: it takes them
   * for a dead agent, too, whose child holds the socket.
   */
  pulse(now: number, busyAt: number, isProving: boolean): Pulse {
    const silentMs = now - this.#heardAt;
    if (this.#ttlMs > 0 && silentMs > this.#ttlMs) return "ttl-passed";
    const silenceMs = isProving ? this.#limits.provingMs : this.#limits.zmqSilenceMs;
    if (this.#ponged && now - Math.max(busyAt, this.#heardAt) >= silenceMs) return "silent";
    if (this.#knowsPings && silentMs >= this.#limits.zmqPingMs && now - this.#pingedAt >= this.#limits.zmqPingMs) {
      this.#pingedAt = now;
      return "ping";
    }
    return "fine";
  }
}

import type { Limits, Principal } from "../../core/index.js";
import { readPing } from "./commands.js";
import type { Introduction } from "./handshake.js";
import type { Mechanism, ZmtpPeer } from "./policy.js";

/** The line below a peer: its socket, as far as a peer may touch it. */
export interface Line {
  readonly id: string;
  readonly remote: string;
  readonly isLocal: boolean;
  /** Bytes handed to the socket and not yet taken by the system. */
  readonly unsent: number;
  write(bytes: Buffer, done?: (error?: Error | null) => void): void;
  /** Cuts the line at once and counts why. */
  cut(reason: string): void;
}

/** What the listener does with a peer after its handshake. */
export interface Side {
  readonly peer: ZmtpPeer;
  readonly subscriptionCount: number;
  /** Bytes that wait: unsent ones of a subscriber, unfinished messages of a publisher. */
  readonly buffered: number;
  /** The policy has let it in and our READY has left. */
  opened(): void;
  /** @throws IllegalBytes */
  data(chunk: Buffer): void;
  /** Something is due, perhaps; monotonic milliseconds. */
  tick(now: number): void;
  /** The policy did not let it in: what waits is dropped. */
  abandon(): void;
  /** The line is gone. */
  gone(): void;
}

/** The part of a peer that both doors share. */
export class PeerFacts implements ZmtpPeer {
  readonly id: string;
  readonly remote: string;
  readonly isLocal: boolean;
  readonly mechanism: Mechanism;
  readonly principal: Principal | undefined;
  readonly socketType: string;
  readonly declared: string | undefined;
  readonly #line: Line;

  constructor(line: Line, introduction: Introduction) {
    this.id = line.id;
    this.remote = line.remote;
    this.isLocal = line.isLocal;
    this.mechanism = introduction.mechanism;
    this.principal = introduction.principal;
    this.socketType = introduction.socketType;
    this.declared = introduction.declared;
    this.#line = line;
  }

  close(reason: string): void {
    this.#line.cut(reason);
  }
}

/** What the heartbeat of a connection asks for. */
export type Pulse = "fine" | "ping" | "silent" | "ttl-passed";

/**
 * Who is still there (RFC 37; measured rules): an idle peer is pinged, its own TTL is honoured, and silence closes only
 * a peer that has
 * ponged before, since older clients never answer. Times are monotonic milliseconds.
 */
export class Heartbeat {
  #heardAt: number;
  #pingedAt: number;
  #ponged = false;
  #ttlMs = 0;
  readonly #limits: Limits;

  constructor(limits: Limits, now: number) {
    this.#limits = limits;
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
    this.#ttlMs = ttlMs;
    return context;
  }

  /** A PONG came; it may lack the context of the PING. */
  pong(): void {
    this.#ponged = true;
  }

  /**
   * What is due. `busyAt`: when something other than pings was last sent; a subscriber that is too busy to read it does
   * not read pings
   * either and is not dead.
   */
  pulse(now: number, busyAt: number): Pulse {
    const silentMs = now - this.#heardAt;
    if (this.#ttlMs > 0 && silentMs > this.#ttlMs) return "ttl-passed";
    if (this.#ponged && busyAt <= this.#heardAt && silentMs >= this.#limits.zmqSilenceMs) return "silent";
    if (silentMs >= this.#limits.zmqPingMs && now - this.#pingedAt >= this.#limits.zmqPingMs) {
      this.#pingedAt = now;
      return "ping";
    }
    return "fine";
  }
}

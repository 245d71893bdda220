import type { Limits } from "../../core/index.js";
import { readPing } from "./commands.js";

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

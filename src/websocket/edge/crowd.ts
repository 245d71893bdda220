import { networkOf, type Clock, type Limits } from "../../core/index.js";

interface Visitor {
  open: number;
  /** Handshakes it may begin at once. */
  tokens: number;
  /** Monotonic time of `tokens`. */
  at: number;
}

/** What {@link Crowd} needs. */
export interface CrowdOptions {
  readonly limits: Pick<
    Limits,
    "wsConnectionsPerAddressMax" | "wsHandshakesPerSecond" | "wsHandshakesBurst" | "wsAddressesMax"
  >;
  readonly clock: Clock;
}

/** Why one address must wait. */
export type Crowding = "ws-address-full" | "ws-address-hasty";

/**
 * Connections and handshakes of each address. This machine's own are never too many here: whoever runs on it could do
 * worse.
 */
export class Crowd {
  // bound: wsAddressesMax · evicts: an address without connections, the longest known first; if all have some, a new
  // one is not followed · owner: Crowd
  readonly #visitors = new Map<string, Visitor>();
  /** Those of them that have no connection, the longest first. */
  // bound: wsAddressesMax · evicts: with its visitor, or when it connects · owner: Crowd
  readonly #idle = new Set<string>();
  readonly #options: CrowdOptions;

  constructor(options: CrowdOptions) {
    this.#options = options;
  }

  /** Addresses followed now. */
  get size(): number {
    return this.#visitors.size;
  }

  /**
   * Takes one more connection of an address.
   * @returns how to let it go again (undefined: nothing to let go), or why it must wait
   */
  enter(address: string): (() => void) | Crowding | undefined {
    if (isThisMachine(address)) return undefined;
    const { wsConnectionsPerAddressMax, wsHandshakesPerSecond, wsHandshakesBurst } = this.#options.limits;
    const key = networkOf(address);
    const now = this.#options.clock.monotonic();
    const visitor = this.#visitors.get(key) ?? { open: 0, tokens: wsHandshakesBurst, at: now };
    visitor.tokens = Math.min(wsHandshakesBurst, visitor.tokens + ((now - visitor.at) * wsHandshakesPerSecond) / 1_000);
    visitor.at = now;
    const isFollowed = this.#follow(key, visitor);
    if (visitor.open >= wsConnectionsPerAddressMax) return "ws-address-full";
    if (visitor.tokens < 1) return "ws-address-hasty";
    visitor.tokens -= 1;
    visitor.open += 1;
    this.#idle.delete(key);
    let isIn = true;
    return () => {
      if (isIn) visitor.open -= 1;
      if (isIn && isFollowed && visitor.open === 0) this.#idle.add(key);
      isIn = false;
    };
  }

  /** @returns false if there is no room to remember it */
  #follow(key: string, visitor: Visitor): boolean {
    if (this.#visitors.has(key)) return true;
    if (this.#visitors.size >= this.#options.limits.wsAddressesMax) {
      const [idle] = this.#idle;
      if (idle === undefined) return false;
      this.#idle.delete(idle);
      this.#visitors.delete(idle);
    }
    this.#visitors.set(key, visitor);
    this.#idle.add(key);
    return true;
  }
}

/** True for a loopback address. */
export function isThisMachine(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}

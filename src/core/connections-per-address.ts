import { isLoopbackAddress, networkOf } from "./address.js";
import type { Clock } from "./clock.js";

/** What one address may have at a door. */
export interface AddressLimits {
  /** Connections open at once. */
  readonly connectionsMax: number;
  /** New connections per second. */
  readonly perSecond: number;
  /** New connections that may come at once before their rate counts. */
  readonly burst: number;
  /** Addresses that are followed. */
  readonly addressesMax: number;
}

interface Address {
  /** Its open connections. */
  open: number;
  /** Connections that it may begin at once. */
  tokens: number;
  /** Monotonic time of `tokens`, pauses of our loop included. */
  at: number;
}

/** Why a further connection of an address must wait: it has as many as it may, or begins them too fast. */
export type AddressRefusal = "full" | "hasty";

/**
 * Counts the open connections of each address at a door (in IPv6: of each network) and how fast it begins new ones.
 * Connections from this machine are not counted: a program that runs on it could do more harm in other ways.
 */
export class ConnectionsPerAddress {
  // bound: wsAddressesMax or zmqAddressesMax, by door · evicts: an address without connections, the longest known first;
  // if all have some, a new one is not followed · owner: ConnectionsPerAddress
  readonly #addresses = new Map<string, Address>();
  /** The addresses that have no connection, the longest without one first. */
  // bound: as above · evicts: when the address is forgotten or connects · owner: ConnectionsPerAddress
  readonly #idle = new Set<string>();
  readonly #limits: () => AddressLimits;
  readonly #clock: Clock;

  /** @param limits asked each time, because limits change while the broker runs */
  constructor(limits: () => AddressLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** How many addresses are followed now. */
  get size(): number {
    return this.#addresses.size;
  }

  /**
   * Counts one more connection of an address.
   * @returns a function to call when the connection ends (undefined: it is not counted), or why it must wait
   */
  enter(address: string): (() => void) | AddressRefusal | undefined {
    if (isLoopbackAddress(address)) return undefined;
    const { connectionsMax, perSecond, burst, addressesMax } = this.#limits();
    const key = networkOf(address);
    // A rate is about the time of others: who came while our loop stood still is taken all at once.
    const now = this.#clock.monotonic() + this.#clock.missed();
    const most = burst + (this.#clock.catchingUp() * perSecond) / 1_000;
    const known = this.#addresses.get(key) ?? { open: 0, tokens: most, at: now };
    known.tokens = Math.min(most, known.tokens + ((now - known.at) * perSecond) / 1_000);
    known.at = now;
    const isFollowed = this.#follow(key, known, addressesMax);
    if (known.open >= connectionsMax) return "full";
    if (known.tokens < 1) return "hasty";
    known.tokens -= 1;
    known.open += 1;
    this.#idle.delete(key);
    let isOpen = true;
    return () => {
      if (isOpen) known.open -= 1;
      if (isOpen && isFollowed && known.open === 0) this.#idle.add(key);
      isOpen = false;
    };
  }

  /** @returns false if there is no place to remember it */
  #follow(key: string, address: Address, addressesMax: number): boolean {
    if (this.#addresses.has(key)) return true;
    if (this.#addresses.size >= addressesMax) {
      const [idle] = this.#idle;
      if (idle === undefined) return false;
      this.#idle.delete(idle);
      this.#addresses.delete(idle);
    }
    this.#addresses.set(key, address);
    this.#idle.add(key);
    return true;
  }
}

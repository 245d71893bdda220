import { networkOf } from "./address.js";
import { FairShares, type Share } from "./fair-shares.js";
import type { Party } from "./party.js";

/**
 * Places for strangers who have proved nothing yet. When all are taken the address (in IPv6: network) with the most
 * makes room with its oldest, for one that would have less than it even then, and in any case for one that has none.
 * Some are not charged to an address: those of this machine, and those of a proxy whose client is not known yet. They
 * never make room.
 */
export class Places<T> {
  // bound: wsHalfOpenMax and 16 of this machine, or zmqHalfOpenMax, by door · evicts: the oldest of the address with the
  // most, else one more is refused; each when its owner gives it back · owner: Places
  readonly #taken = new Map<T, Share<T> | undefined>();
  readonly #shares = new FairShares<T>();
  readonly #max: () => number;
  readonly #evict: (item: T) => void;

  /**
   * @param max how many there are; asked each time, because limits change while the broker runs
   * @param evict is told who has lost its place to somebody else
   */
  constructor(max: () => number, evict: (item: T) => void) {
    this.#max = max;
    this.#evict = evict;
  }

  /** How many are taken. */
  get size(): number {
    return this.#taken.size;
  }

  /**
   * Takes a place, if `item` has none yet.
   * @param address who it is charged to; undefined: nobody
   * @param beyond how many more there are for this one, where nobody makes room
   * @returns false if there is none
   */
  take(item: T, address: string | undefined, beyond = 0): boolean {
    if (this.#taken.has(item)) return true;
    const party = address === undefined ? undefined : partyAt(address);
    const max = this.#max();
    if (this.size >= max && !this.#makeRoom(party) && this.size >= max + beyond) return false;
    this.#taken.set(item, party === undefined ? undefined : this.#shares.add(item, party));
    return true;
  }

  /** Charges a place to an address that has become known. */
  charge(item: T, address: string): void {
    if (!this.#taken.has(item)) return;
    this.#taken.get(item)?.end();
    this.#taken.set(item, this.#shares.add(item, partyAt(address)));
  }

  /** Gives a place back, if it was taken. */
  leave(item: T): void {
    this.#taken.get(item)?.end();
    this.#taken.delete(item);
  }

  /** @returns false if nobody makes room for one of `party` */
  #makeRoom(party: Party | undefined): boolean {
    const hasNone = party === undefined || this.#shares.amountOf(party).ofNetwork === 0;
    const found = hasNone ? this.#shares.excess : this.#shares.excessBeside(party);
    if (found === undefined) return false;
    this.leave(found);
    this.#evict(found);
    return true;
  }
}

/** Who comes from one network is one party. */
function partyAt(address: string): Party {
  const network = networkOf(address);
  return { network, name: network };
}

import {
  betterStanding,
  FairShares,
  standingsUpTo,
  type Party,
  type Principal,
  type Share,
  type Standing,
  standingOf,
} from "../core/index.js";
import type { Room } from "./room.js";

/** How a room counts. */
interface Counted {
  readonly party: Party;
  readonly made: Share;
  /** How many who are inside have which standing. */
  readonly inside: Record<Standing, number>;
  /** The standing as which it may make room for others; undefined while it may not. */
  goesAs: Standing | undefined;
  going: Share | undefined;
}

/**
 * Whose rooms there are, and which of them makes room for a new one (protocols §1.19). A room counts for the party that
 * made it, whoever is inside. It never goes while somebody is inside whose token the operator issued, and it goes for
 * nobody of a lower standing than its maker's and than that of those inside.
 */
export class RoomShares {
  // bound: roomsMax · evicts: with its room · owner: RoomShares
  readonly #counted = new Map<Room, Counted>();
  readonly #made = new FairShares<Room>();
  readonly #going = new FairShares<Room>();
  /** Empty rooms that nobody is awaited in, by the standing of who made them, those first that are empty longest. */
  readonly #empty: Readonly<Record<Standing, Set<Room>>> = { free: new Set(), shared: new Set(), issued: new Set() };

  /** `party` has made `room`. */
  add(room: Room, party: Party): void {
    const counted: Counted = {
      party,
      made: this.#made.add(room, party),
      inside: { free: 0, shared: 0, issued: 0 },
      goesAs: undefined,
      going: undefined,
    };
    this.#counted.set(room, counted);
    this.#recount(room, counted);
  }

  /** The room is removed. */
  delete(room: Room): void {
    const counted = this.#counted.get(room);
    if (counted === undefined) return;
    this.occupied(room);
    counted.made.end();
    counted.going?.end();
    this.#counted.delete(room);
  }

  /** Somebody has entered, or has left where `change` is -1. */
  changed(room: Room, member: Principal, change: 1 | -1): void {
    const counted = this.#counted.get(room);
    if (counted === undefined) return;
    counted.inside[standingOf(member)] += change;
    this.#recount(room, counted);
  }

  /** Nobody is in the room, and nobody is awaited. */
  emptied(room: Room): void {
    this.#empty[this.#counted.get(room)?.party.standing ?? "free"].add(room);
  }

  /** It is no longer empty. */
  occupied(room: Room): void {
    for (const rooms of Object.values(this.#empty)) rooms.delete(room);
  }

  /**
   * Which room makes room for one more of `party`: the one that has been empty longest, else of the busiest party the
   * one that it has made first; undefined if nobody has more than `party` would have then.
   */
  excessFor(party: Party): Room | undefined {
    for (const standing of standingsUpTo(party.standing ?? "free")) {
      const [longest] = this.#empty[standing];
      if (longest !== undefined) return longest;
    }
    return this.#going.excessBeside(party, 1, this.#made);
  }

  /** Forgets everything. */
  clear(): void {
    for (const room of [...this.#counted.keys()]) this.delete(room);
  }

  #recount(room: Room, counted: Counted): void {
    const { inside, party, going, goesAs } = counted;
    const made = party.standing ?? "free";
    const now = inside.issued > 0 ? undefined : inside.shared > 0 ? betterStanding(made, "shared") : made;
    if (now === goesAs) return;
    going?.end();
    counted.goesAs = now;
    counted.going = now === undefined ? undefined : this.#going.add(room, { ...party, standing: now });
  }
}

import { Allotment, Fault, Ranking, type Limits } from "../core/index.js";
import type { Room, RoomOwner } from "./room.js";

/** Invitations that everybody may give in any case. */
const assured = 10;
/** The part of a room's invitations that its guests may give together: the rest is its owner's. */
const guestsPart = 1 / 2;

/**
 * How many invitations there are, and who has given them. Each counts against who gave it and against the owner of its
 * room: neither a guest nor a room that was made for it uses up what all share (protocols §1.19).
 */
export class Invitations {
  readonly #all: Allotment;
  readonly #givenBy = new Ranking<string>();
  readonly #inRoomsOf = new Ranking<string>();
  readonly #limits: Pick<Limits, "invitationsPerRoomMax" | "invitationsMax">;

  constructor(limits: Pick<Limits, "invitationsPerRoomMax" | "invitationsMax">) {
    this.#limits = limits;
    this.#all = new Allotment(() => limits.invitationsMax, assured);
  }

  /** @throws Fault full, if `giver` may not give so many `more` to `room`, which is `owner`'s */
  mayGive(name: string, room: Room | undefined, owner: RoomOwner, giver: RoomOwner, more: number): void {
    const most = this.#limits.invitationsPerRoomMax;
    const given = room === undefined ? 0 : room.invited.size + room.inviting.size;
    if (given + more > most) throw new Fault("full", `${name} has given as many invitations as a room can`);
    const ofGiver = this.#givenBy.amountOf(giver.key);
    if (room !== undefined && giver.key !== owner.key) {
      // As in an allotment: a guest gets more only while as much is left to the other guests.
      const left = Math.floor(most * guestsPart) - room.invitedByGuests;
      if (more > left || (ofGiver + more > assured && ofGiver + more > left))
        throw new Fault(
          "full",
          `the guests of ${name} have given as many invitations as they can, and you have given ${String(ofGiver)}; ` +
            "ask its owner to invite",
        );
    }
    if (giver.isIssued) return;
    if (!this.#all.allows(ofGiver, more))
      throw new Fault(
        "full",
        `the broker keeps as many invitations as it can, and you have given ${String(ofGiver)} of them; ` +
          "with a token (broker token NAME) you may give more",
      );
    if (giver.key !== owner.key && !owner.isIssued && !this.#all.allows(this.#inRoomsOf.amountOf(owner.key), more))
      throw new Fault(
        "full",
        "the broker keeps as many invitations as it can, and many of them are to rooms of this room's owner; " +
          "somebody with a token (broker token NAME) may give more",
      );
  }

  /** So many more invitations of `giver` to a room, or fewer where `change` is negative. */
  count(room: Room, owner: RoomOwner, giver: string, change: number): void {
    this.#all.used += change;
    this.#givenBy.add(giver, change);
    this.#inRoomsOf.add(owner.key, change);
    if (giver !== owner.key) room.invitedByGuests += change;
  }
}

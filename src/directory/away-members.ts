import {
  FairShares,
  Fault,
  notThere,
  standingOf,
  type Clock,
  type Limits,
  type Principal,
  type Share,
} from "../core/index.js";
import { PresenceMemory, isSameSpeaker, type AgentRecord, type Agents, type PresenceOwner } from "./agents.js";
import { KeptMemberships, ownerOfRow, type AwayRow, type AwayRows, type FoundMembership } from "./away-rows.js";
import type { AwayEntry } from "./directory.js";
import type { Memberships } from "./memberships.js";
import { notInvited, ownerKey, type Room, type RoomMaker } from "./room.js";
import type { Rooms } from "./rooms.js";

/** Of all memberships, the part that agents without a token may have while they are away. */
const freePart = 1 / 4;
/** Who makes room loses such a part of its rooms at once. */
const leavingPart = 8;

/** What {@link AwayMembers} works with. */
export interface AwayParts {
  readonly agents: Pick<Agents, "get">;
  readonly rooms: Pick<Rooms, "get" | "make">;
  readonly memberships: Memberships;
  readonly clock: Pick<Clock, "now">;
  readonly limits: Pick<Limits, "membershipsMax" | "roomMembersMax">;
  /** True if the mailbox of this speaker's name is its own, and says that memberships outlive connections. */
  readonly outlives: (principal: Principal) => boolean;
}

/** A name whose memberships outlive its connections. */
interface AwayMember {
  /** Stands in the rooms for the name, whether that is connected or not. */
  readonly standIn: PresenceMemory;
  entry: AwayEntry;
  /** What is on disk of it. */
  readonly kept: KeptMemberships;
  /** Its share in what those who are away may have; undefined while it is here. */
  share: Share | undefined;
}

/** A membership that was on disk and could not be given back. */
export interface LostMembership {
  readonly agent: string;
  readonly room: string;
  readonly why: string;
}

/**
 * Memberships that outlive connections (protocols §10.3). A stand-in is in every room that a session of the name joins,
 * and stays there when the session ends: nobody hears that the agent left, and nobody that it is back. It has no
 * connection, so it hears and says nothing. A new session of the same speaker is in the rooms of its stand-in at once.
 */
export class AwayMembers implements PresenceOwner {
  // bound: mailboxesMax · evicts: with its last room, or its mailbox · owner: AwayMembers
  readonly #byName = new Map<string, AwayMember>();
  /** Memberships of those who are away and have no token: the busiest of the busiest network makes room. */
  readonly #shares = new FairShares<AwayMember>();
  readonly #parts: AwayParts;
  #rows: AwayRows | undefined;
  /** Leaves many rooms just now: what is on disk is put in order once. */
  #leaving: AwayMember | undefined;

  constructor(parts: AwayParts) {
    this.#parts = parts;
  }

  /** Rooms that a name is in while it is not connected. */
  roomCount(agent: string): number {
    return this.#byName.get(agent)?.standIn.rooms.size ?? 0;
  }

  /** What others see of one who is away. */
  entryOf(agent: string): AwayEntry | undefined {
    return this.#byName.get(agent)?.entry;
  }

  /** A session is about to join a room: resolves when that is on disk; undefined if nothing has to be. */
  ready(presence: PresenceMemory, room: string): Promise<void> | undefined {
    if (!this.#isKept(presence)) return undefined;
    const member = this.#obtain(presence);
    if (!member.standIn.rooms.has(room)) member.kept.wanted = room;
    this.#sync(member);
    return member.kept.saving;
  }

  /** A presence is in a room. */
  entered(presence: PresenceMemory, room: Room): void {
    if (!this.#isKept(presence)) return;
    const member = this.#obtain(presence);
    if (member.kept.wanted === room.name) member.kept.wanted = undefined;
    this.#parts.memberships.enter(member.standIn, room);
    this.#sync(member);
  }

  /** A presence leaves a room because its agent wants that: nobody stays there for it. */
  leaving(presence: PresenceMemory, room: Room): void {
    const member = presence.mayBeAway ? this.#of(presence) : undefined;
    if (member !== undefined) this.#parts.memberships.exit(member.standIn, room);
  }

  /** Resolves when what has changed for the name of a presence is on disk; undefined: it is. */
  kept(presence: PresenceMemory): Promise<void> | undefined {
    return presence.mayBeAway ? this.#of(presence)?.kept.saving : undefined;
  }

  /** A presence has arrived: it is in the rooms of its stand-in. Who proves less, or by something else, is not. */
  arrived(presence: PresenceMemory): void {
    if (!this.#byName.has(presence.name) || !this.#isKept(presence)) return;
    const member = this.#obtain(presence);
    member.share?.end();
    member.share = undefined;
    const { memberships, rooms } = this.#parts;
    for (const name of member.standIn.rooms) {
      const room = rooms.get(name);
      if (room !== undefined) memberships.enter(presence, room);
    }
  }

  /** A presence is gone. `record`: what else is there of its name. */
  departed(presence: PresenceMemory, { presences }: Pick<AgentRecord, "presences">): void {
    const member = this.#of(presence);
    if (member === undefined) return;
    for (const other of presences)
      if (other.mayBeAway && isSameSpeaker(other.principal, member.standIn.principal)) return;
    const { displayName } = presence.principal;
    if (member.entry.displayName !== displayName) member.entry = { name: presence.name, displayName };
    member.kept.wanted = undefined; // it could not be joined
    this.#sync(member);
    this.#tidy(member);
    this.#count(member);
    this.#makeSpace();
  }

  /** The mailbox of a name has changed. Resolves when what follows from that is on disk; undefined: it is. */
  review(agent: string): Promise<void> | undefined {
    const { agents, outlives, rooms } = this.#parts;
    const before = this.#byName.get(agent);
    if (before !== undefined && !outlives(before.standIn.principal)) this.#end(before);
    for (const presence of agents.get(agent)?.presences ?? [])
      if (this.#isKept(presence))
        for (const name of presence.rooms) {
          const room = rooms.get(name);
          if (room !== undefined) this.entered(presence, room);
        }
    const saving = [before?.kept.saving, this.#byName.get(agent)?.kept.saving].filter((one) => one !== undefined);
    return saving.length === 0 ? undefined : Promise.all(saving).then(() => undefined);
  }

  /**
   * Puts out of a full room one who is away and has no token: of the network that has the most there, who is away
   * longest.
   * @returns false if there is none
   */
  makePlace(room: Room): boolean {
    const networks = new Map<string, { count: number; readonly longest: AwayMember }>();
    for (const agent of room.away) {
      const member = this.#byName.get(agent);
      if (member === undefined || standingOf(member.standIn.principal) === "issued") continue;
      const known = networks.get(member.standIn.party.network);
      if (known === undefined) networks.set(member.standIn.party.network, { count: 1, longest: member });
      else known.count += 1;
    }
    const [busiest] = [...networks.values()].sort((one, other) => other.count - one.count);
    if (busiest === undefined) return false;
    this.#parts.memberships.exit(busiest.longest.standIn, room);
    return true;
  }

  /**
   * Gives back the memberships that are on disk, once rooms and mailboxes are there, and keeps them there from now on.
   * A public room that has gone with the broker is made again: for who had made it, else for who is found in it first.
   * @returns what could not be given back
   */
  load(rows: AwayRows): readonly LostMembership[] {
    const lost: LostMembership[] = [];
    const found = [...rows.load()].map(([agent, all]) => ({ member: this.#found(agent, all), agent, all }));
    this.#rows = rows;
    for (const isMaker of [true, false])
      for (const { member, agent, all } of found)
        for (const { room, row } of all) {
          if ((row.made === true) !== isMaker) continue;
          try {
            if (member?.standIn.principal.proof !== row.proof)
              throw new Fault("forbidden", "its owner has no mailbox any more that says rooms: true");
            this.#restore(member.standIn, room, row);
          } catch (thrown) {
            if (!(thrown instanceof Fault)) throw thrown;
            lost.push({ agent, room, why: thrown.message });
          }
        }
    for (const { member, agent, all } of found) {
      if (member === undefined)
        void rows
          .write(
            agent,
            [],
            all.map(({ room }) => room),
          )
          .catch(() => undefined);
      else {
        this.#sync(member);
        this.#tidy(member);
        this.#count(member);
      }
    }
    this.#makeSpace();
    return lost;
  }

  show(): void {
    // It is no connection: nobody sees it but in its rooms.
  }

  depart(): void {
    // Only `#end` and its rooms end it.
  }

  left(standIn: PresenceMemory): void {
    const member = this.#byName.get(standIn.name);
    if (member?.standIn !== standIn || member === this.#leaving) return;
    this.#sync(member);
    this.#tidy(member);
    if (member.share !== undefined) this.#count(member);
  }

  #isKept(presence: PresenceMemory): boolean {
    return presence.mayBeAway && presence.state === "here" && this.#parts.outlives(presence.principal);
  }

  /** Who stands in for this very speaker. */
  #of({ name, principal }: PresenceMemory): AwayMember | undefined {
    const member = this.#byName.get(name);
    return member !== undefined && isSameSpeaker(member.standIn.principal, principal) ? member : undefined;
  }

  #obtain(presence: PresenceMemory): AwayMember {
    const known = this.#of(presence);
    if (known !== undefined) return known;
    const other = this.#byName.get(presence.name);
    if (other !== undefined) this.#end(other); // who proves the name by something else owns it now
    const { principal, party, dialect } = presence;
    return this.#add(principal, party, dialect);
  }

  #add(principal: Principal, party: PresenceMemory["party"], dialect: string): AwayMember {
    const standIn = new PresenceMemory({ principal, party, dialect }, this.#parts.clock.now(), this);
    standIn.state = "away";
    const { agent: name, displayName } = principal;
    const member: AwayMember = {
      standIn,
      entry: { name, displayName },
      kept: new KeptMemberships(name),
      share: undefined,
    };
    this.#byName.set(name, member);
    return member;
  }

  /** One of whom there are rows, if its mailbox still says so. */
  #found(agent: string, all: readonly FoundMembership[]): AwayMember | undefined {
    const owner = all.map(({ row }) => ownerOfRow(agent, row)).find((one) => this.#parts.outlives(one.principal));
    if (owner === undefined) return undefined;
    const member = this.#add(owner.principal, owner.party, "away");
    for (const one of all) member.kept.found(one);
    return member;
  }

  /** @throws Fault why it cannot be in the room any more */
  #restore(standIn: PresenceMemory, name: string, { inviteOnly, made }: AwayRow): void {
    const { limits, memberships, rooms } = this.#parts;
    let room = rooms.get(name);
    memberships.mayJoinMore(standIn);
    if (room === undefined) {
      if (inviteOnly === true) throw new Fault("not-found", notThere(name));
      const maker: RoomMaker = standIn;
      room = rooms.make(name, { configured: false, maker });
      if (made !== true) room.maker = undefined;
    } else if (room.inviteOnly !== (inviteOnly === true) || (room.inviteOnly && !room.isInvited(standIn.principal)))
      throw notInvited(name); // it is another room of that name
    if (room.members.size >= limits.roomMembersMax) throw new Fault("full", `${name} is full`);
    memberships.enter(standIn, room);
  }

  /** Nobody stands in the rooms for the name any more. */
  #end(member: AwayMember): void {
    member.kept.wanted = undefined;
    this.#leave(member, member.standIn.rooms.size);
  }

  /** Leaves so many rooms, the oldest first. */
  #leave(member: AwayMember, count: number): void {
    const { memberships, rooms } = this.#parts;
    this.#leaving = member;
    for (const name of [...member.standIn.rooms].slice(0, count)) {
      const room = rooms.get(name);
      if (room !== undefined) memberships.exit(member.standIn, room);
    }
    this.#leaving = undefined;
    this.#sync(member);
    this.#tidy(member);
    if (member.share !== undefined) this.#count(member);
  }

  /** Who is away counts so, by the rooms that it is in. */
  #count(member: AwayMember): void {
    const { party, principal, rooms } = member.standIn;
    member.share?.end();
    const isCounted = rooms.size > 0 && standingOf(principal) !== "issued";
    member.share = isCounted ? this.#shares.add(member, party, rooms.size) : undefined;
  }

  #makeSpace(): void {
    const most = this.#parts.limits.membershipsMax * freePart;
    for (;;) {
      const excess = Math.ceil(this.#shares.amount - most);
      const member = excess > 0 ? this.#shares.excess : undefined;
      if (member === undefined) return;
      // Some at a time: each time all that it has is gone through once.
      this.#leave(member, Math.min(excess, Math.ceil(member.standIn.rooms.size / leavingPart)));
    }
  }

  /** Brings what is on disk in line with the rooms of a member. */
  #sync(member: AwayMember): void {
    const { kept, standIn } = member;
    if (this.#rows === undefined) return;
    kept.write(standIn.rooms, this.#rows, {
      isMaker: (room) => this.#isMaker(member, room),
      rowOf: (room) => this.#rowOf(member, room),
      written: () => {
        this.#tidy(member);
      },
    });
  }

  /** True if it has made the room, or is about to. */
  #isMaker({ standIn }: AwayMember, name: string): boolean {
    const room = this.#parts.rooms.get(name);
    return room === undefined || room.maker?.key === ownerKey(standIn.principal);
  }

  #rowOf(member: AwayMember, name: string): AwayRow {
    const { party, principal } = member.standIn;
    const { agent, displayName, proof = "" } = principal;
    return {
      proof,
      ...(displayName !== agent && { displayName }),
      network: party.network,
      ...(this.#parts.rooms.get(name)?.inviteOnly === true && { inviteOnly: true }),
      ...(this.#isMaker(member, name) && { made: true }),
    };
  }

  /** A member of whom nothing is left is forgotten. */
  #tidy(member: AwayMember): void {
    const { kept, standIn } = member;
    const isOver = standIn.rooms.size === 0 && kept.isEmpty;
    if (isOver && this.#byName.get(standIn.name) === member) this.#byName.delete(standIn.name);
  }
}

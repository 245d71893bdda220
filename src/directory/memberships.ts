import { Allotment, Fault, notThere, type Limits } from "../core/index.js";
import type { Agents, PresenceMemory } from "./agents.js";
import type { JoinOptions } from "./directory.js";
import type { DirectoryEvents } from "./events.js";
import { closedFor, mayEnter, mayJoinMore, mustBeRoom, type Room } from "./room.js";
import type { Rooms } from "./rooms.js";

/** Rooms that every agent may be in, however many members all rooms have. */
const roomsAssured = 10;

/** Who is in which room, by which of its presences. Tells of an agent's first one that enters and its last that leaves. */
export class Memberships {
  readonly #agents: Agents;
  readonly #rooms: Rooms;
  readonly #events: DirectoryEvents;
  readonly #limits: Pick<Limits, "membershipsMax" | "roomsPerAgentMax">;
  /** How often somebody is in some room. */
  readonly #all: Allotment;

  constructor(
    agents: Agents,
    rooms: Rooms,
    events: DirectoryEvents,
    limits: Pick<Limits, "membershipsMax" | "roomsPerAgentMax">,
  ) {
    this.#agents = agents;
    this.#rooms = rooms;
    this.#events = events;
    this.#limits = limits;
    this.#all = new Allotment(() => limits.membershipsMax, roomsAssured);
  }

  /** @throws Fault full if the agent is in too many rooms */
  mayJoinMore(member: PresenceMemory): void {
    // Who is away, and not online, is in those where somebody stands in for it.
    const roomCount = this.#agents.get(member.name)?.roomCount ?? member.rooms.size;
    mayJoinMore(roomCount, member, this.#limits, this.#all);
  }

  /** The room, if there is one. @throws Fault malformed, not-found, forbidden, full: why it may not be joined */
  mayJoin(member: PresenceMemory, room: string, { create }: JoinOptions): Room | undefined {
    mustBeRoom(room);
    const known = this.#rooms.get(room);
    if (known === undefined && !create) throw new Fault("not-found", notThere(room));
    if (known?.inviteOnly === true) mayEnter(known, member);
    else if (known?.state === "making" && !known.isMember(member.principal)) throw closedFor(known, member.principal);
    if (known?.members.has(member.name) !== true) this.mayJoinMore(member);
    return known;
  }

  /** A presence is in the room from now on; it may be already. */
  enter(member: PresenceMemory, room: Room): void {
    if (member.rooms.has(room.name)) return;
    member.rooms.add(room.name);
    const through = room.members.get(member.name);
    if (through === undefined) room.members.set(member.name, new Set([member]));
    else through.add(member);
    this.#rooms.entered(room, member.principal);
    room.listing.changed(member.name);
    room.lookAway(member.name);
    if (through !== undefined) return;
    this.#all.used += 1;
    const record = this.#agents.get(member.name);
    if (record === undefined) return; // it is away, as before
    record.roomCount += 1;
    if (record.listed && room.state !== "making") this.#events.joined(room, member);
  }

  /** A presence is in the room no more. */
  exit(member: PresenceMemory, room: Room): void {
    member.rooms.delete(room.name);
    const through = room.members.get(member.name);
    if (through?.delete(member) !== true) return;
    if (through.size === 0) room.members.delete(member.name);
    this.#rooms.exited(room, member.principal);
    room.listing.changed(member.name);
    room.lookAway(member.name);
    member.left(room.name);
    if (through.size > 0) return;
    if (room.members.size === 0) this.#rooms.emptied(room);
    this.#all.used -= 1;
    const record = this.#agents.get(member.name);
    if (record !== undefined) record.roomCount -= 1;
    const wasListed = member.state === "away" || record?.listed === true;
    if (wasListed && room.state !== "making") this.#events.left(room, member);
  }

  /** Puts all members out of a room and tells them. */
  vacate(room: Room): void {
    for (const [name, through] of [...room.members]) {
      for (const member of [...through]) {
        this.exit(member, room);
        member.putOut(room.name);
      }
      if (room.state !== "making") this.#events.putOut(room, name);
    }
  }

  /** Tells who is in a room of which nobody could be told before. */
  tell(room: Room): void {
    for (const agent of room.members.keys()) {
      const [member] = room.members.get(agent) ?? [];
      if (member !== undefined && this.#agents.get(agent)?.listed === true) this.#events.joined(room, member);
    }
  }

  /** Tells of the rooms of an agent that is listed from now on; `presences`: all of its own. */
  tellRoomsOf(presences: Iterable<PresenceMemory>): void {
    const rooms = new Map([...presences].flatMap((member) => [...member.rooms].map((name) => [name, member] as const)));
    for (const [name, member] of rooms) {
      const room = this.#rooms.get(name);
      room?.listing.changed(member.name);
      if (room === undefined || room.state === "making" || isKnownIn(room, member.name)) continue;
      this.#events.joined(room, member);
    }
  }
}

/** True for who was in the room before, as one who is away. */
function isKnownIn(room: Room, agent: string): boolean {
  for (const { state } of room.members.get(agent) ?? []) if (state === "away") return true;
  return false;
}

import { Fault, notThere, type Clock, type Limits, type Principal } from "../core/index.js";
import type { RoomHistory } from "./history.js";
import { ClaimedRooms } from "./claimed-rooms.js";
import { KeptRooms, type KeptRoom } from "./kept-rooms.js";
import { isSameSpeaker, type PresenceMemory } from "./presence.js";
import type { Table } from "../storage/table.js";

/** What a room needs from the moment it exists: its history or its guard, until `close`. */
export interface RoomUpkeep {
  readonly history: RoomHistory | undefined;
  close(): void;
}

/** A room: who is in it and who may be. */
export class Room {
  readonly name: string;
  readonly inviteOnly: boolean;
  /** It exists by configuration and never goes. */
  readonly configured: boolean;
  readonly upkeep: RoomUpkeep;
  // bound: roomMembersMax · evicts: joining one more is refused as full · owner: Room
  readonly members = new Map<string, Set<PresenceMemory>>();
  // bound: invitationsPerRoomMax · evicts: inviting one more is refused as full · owner: Room
  readonly invited = new Set<string>();
  /** Presences in it that prove something, be it a shared secret. */
  provingCount = 0;
  /** Invited for as long as they are here, whatever they prove. */
  readonly #invitedNow = new WeakSet<Principal>();
  /** Whose count it is in, if it is invite-only. */
  ownerKey: string | undefined;
  /** Calls off its end, while it is empty. */
  keepAlive: (() => void) | undefined;

  constructor(name: string, options: { inviteOnly: boolean; configured: boolean; upkeep: RoomUpkeep }) {
    this.name = name;
    this.inviteOnly = options.inviteOnly;
    this.configured = options.configured;
    this.upkeep = options.upkeep;
  }

  /** True if this very speaker is in the room, through whichever of its presences. */
  isMember(principal: Principal): boolean {
    for (const presence of this.members.get(principal.agent) ?? [])
      if (isSameSpeaker(presence.principal, principal)) return true;
    return false;
  }

  isInvited(principal: Principal): boolean {
    return (
      this.#invitedNow.has(principal) ||
      this.invited.has(nameKey(principal.agent)) ||
      (principal.proof !== undefined && this.invited.has(proofKey(principal.proof)))
    );
  }

  /** True if `viewer` may know of the room and read it. */
  isOpenTo(viewer: Principal | undefined): boolean {
    if (!this.inviteOnly) return true;
    return viewer !== undefined && (viewer.scopes.has("inspect") || this.isMember(viewer) || this.isInvited(viewer));
  }

  /** True if somebody may come back to it who is not here now. */
  get isAwaited(): boolean {
    return this.invited.size > 0;
  }

  /**
   * Binds an invitation to what proves the invitee, or would, else to its name; to the session alone if its name never
   * comes again.
   */
  invite(invitee: Principal): void {
    const { agent, proof, expectedProof, temporary } = invitee;
    this.#invitedNow.add(invitee);
    const shown = proof ?? expectedProof;
    if (shown !== undefined) this.invited.add(proofKey(shown));
    else if (temporary !== true) this.invited.add(nameKey(agent));
  }
}

/** What {@link Rooms} needs. */
export interface RoomsOptions {
  readonly limits: Pick<
    Limits,
    "roomsMax" | "roomsClaimedMax" | "roomsPerAgentMax" | "invitationsPerRoomMax" | "emptyRoomMs"
  >;
  readonly clock: Clock;
  /** Starts a room's history or guard. */
  readonly upkeep: (name: string, inviteOnly: boolean) => RoomUpkeep;
  /** Puts everybody out of a room that has to go. */
  readonly vacate: (room: Room) => void;
}

/** A room that is to be made. */
interface Making {
  readonly inviteOnly: boolean;
  readonly configured: boolean;
  /** Whoever makes it; nobody, where it is configured or known again. */
  readonly maker?: Principal | undefined;
}

/** All rooms, and the end of empty ones. */
export class Rooms {
  // bound: roomsMax · evicts: the room that has been empty longest and is awaited by nobody, else one of the agent that
  // holds the most by claims alone, else an empty one of whoever has made the most; if there is none, one more is
  // refused as full · owner: Rooms
  readonly #rooms = new Map<string, Room>();
  // bound: roomsMax · evicts: a room leaves when somebody joins it or it goes · owner: Rooms
  readonly #empty = new Set<Room>();
  // bound: roomsMax · evicts: with the last of its rooms; an owner of roomsPerAgentMax invite-only rooms is refused one
  // more as full · owner: Rooms
  readonly #inviteOnlyCounts = new Map<string, number>();
  /** Public rooms in which nobody proves anything, by who has been there longest. */
  readonly #claimed = new ClaimedRooms<Room>();
  // bound: roomsMax · evicts: a room leaves when somebody joins it or it goes · owner: Rooms
  readonly #emptyInviteOnly = new Set<Room>();
  readonly #options: RoomsOptions;
  #sorted: readonly Room[] | undefined;
  /** Undefined where nothing is kept. */
  #kept: KeptRooms | undefined;

  constructor(options: RoomsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#rooms.size;
  }

  get(name: string): Room | undefined {
    return this.#rooms.get(name);
  }

  /** The room, if `viewer` may look into it. @throws Fault not-found, forbidden */
  visible(name: string, viewer: Principal | undefined): Room {
    const room = this.#rooms.get(name);
    if (room === undefined) throw new Fault("not-found", notThere(name));
    if (!room.isOpenTo(viewer)) throw notInvited(name);
    return room;
  }

  /** All rooms by name. */
  all(): readonly Room[] {
    return (this.#sorted ??= [...this.#rooms.values()].sort((one, other) => (one.name < other.name ? -1 : 1)));
  }

  /** Makes a public room. @throws Fault full */
  make(name: string, options: { readonly configured: boolean; readonly maker?: Principal }): Room {
    return this.#add(name, { inviteOnly: false, ...options });
  }

  /** Makes an invite-only room, to which its owner is invited. @throws Fault full */
  makeInviteOnly(name: string, owner: Principal): Room {
    const shown = owner.proof ?? owner.expectedProof;
    const key = shown === undefined ? nameKey(owner.agent) : proofKey(shown);
    const owned = this.#inviteOnlyCounts.get(key) ?? 0;
    if (owned >= this.#options.limits.roomsPerAgentMax) {
      throw new Fault(
        "full",
        `${owner.agent} has made ${String(owned)} invite-only rooms, which is as many as one agent can; use one of them`,
      );
    }
    const room = this.#add(name, { inviteOnly: true, configured: false, maker: owner });
    this.#inviteOnlyCounts.set(key, owned + 1);
    room.ownerKey = key;
    this.invite(room, [owner]);
    return room;
  }

  /** Lets all of them in, who bear one name. @throws Fault full */
  invite(room: Room, invitees: readonly Principal[]): void {
    if (room.invited.size >= this.#options.limits.invitationsPerRoomMax)
      throw new Fault("full", `${room.name} has given as many invitations as a room can`);
    for (const invitee of invitees) room.invite(invitee);
    this.#keep(room);
  }

  /** Knows again what `table` has, and keeps invite-only rooms there from now on. */
  load(table: Table<KeptRoom>): void {
    this.#kept = new KeptRooms(table);
    for (const [name, { owner, invited }] of this.#kept.all()) {
      // A room of that name by configuration is public: the operator's word counts.
      if (this.#rooms.has(name)) continue;
      const room = this.#put(name, { inviteOnly: true, configured: false });
      room.ownerKey = owner;
      this.#inviteOnlyCounts.set(owner, (this.#inviteOnlyCounts.get(owner) ?? 0) + 1);
      for (const one of invited) room.invited.add(one);
      this.#emptyInviteOnly.add(room);
    }
  }

  #keep({ name, ownerKey, invited, isAwaited }: Room): void {
    if (isAwaited && ownerKey !== undefined) this.#kept?.keep(name, { owner: ownerKey, invited: [...invited] });
  }

  #add(name: string, making: Making): Room {
    const { roomsMax, roomsClaimedMax } = this.#options.limits;
    const most = making.maker?.trust === "claimed" ? Math.min(roomsMax, roomsClaimedMax) : roomsMax;
    if (this.#rooms.size >= most && !making.configured) this.#makeSpace(making.maker);
    return this.#put(name, making);
  }

  /** What is kept is there, however many may be: the limit is for those that are made. */
  #put(name: string, { inviteOnly, configured }: Making): Room {
    const room = new Room(name, { inviteOnly, configured, upkeep: this.#options.upkeep(name, inviteOnly) });
    this.#rooms.set(name, room);
    this.#sorted = undefined;
    return room;
  }

  /** Somebody has come in. */
  entered(room: Room, { trust }: Principal): void {
    this.#occupied(room);
    if (trust !== "claimed") room.provingCount += 1;
    this.#hold(room);
  }

  /** Somebody has gone out. */
  exited(room: Room, { trust }: Principal): void {
    if (trust !== "claimed") room.provingCount -= 1;
    this.#hold(room);
  }

  #occupied(room: Room): void {
    room.keepAlive?.();
    room.keepAlive = undefined;
    this.#empty.delete(room);
    this.#emptyInviteOnly.delete(room);
  }

  #hold(room: Room): void {
    const [first] = room.provingCount === 0 && !room.configured && !room.inviteOnly ? room.members.keys() : [];
    this.#claimed.set(room, first);
  }

  /** The last member has left: the room goes after its time, unless it is configured, or invite-only and awaited. */
  emptied(room: Room): void {
    if (room.ownerKey !== undefined) this.#emptyInviteOnly.add(room);
    if (room.configured || room.isAwaited || room.keepAlive !== undefined) return;
    this.#empty.add(room);
    room.keepAlive = this.#options.clock.after(this.#options.limits.emptyRoomMs, () => {
      this.#remove(room);
    });
  }

  /** Cancels all timers and ends all upkeep. */
  close(): void {
    for (const room of this.#rooms.values()) {
      room.keepAlive?.();
      room.keepAlive = undefined;
      room.upkeep.close();
    }
    this.#empty.clear();
    this.#emptyInviteOnly.clear();
  }

  #makeSpace(maker: Principal | undefined): void {
    const own = maker?.trust === "claimed" ? this.#claimed.count(maker.agent) : 0;
    const [longestEmpty] = this.#empty;
    const goes = longestEmpty ?? this.#claimed.oldestOfLargest(own) ?? this.#emptyOfLargestMaker();
    if (goes === undefined)
      throw new Fault("full", "the broker has as many rooms as it can; use one of them, or free one by leaving it");
    if (goes.members.size > 0) this.#options.vacate(goes);
    this.#remove(goes);
  }

  /** An empty room of whoever has made the most: who makes a few keeps them while others make thousands. */
  #emptyOfLargestMaker(): Room | undefined {
    let most = 1;
    let found: Room | undefined;
    for (const room of this.#emptyInviteOnly) {
      const owned = room.ownerKey === undefined ? 0 : (this.#inviteOnlyCounts.get(room.ownerKey) ?? 0);
      if (owned <= most) continue;
      most = owned;
      found = room;
    }
    return found;
  }

  #remove(room: Room): void {
    this.#occupied(room);
    this.#claimed.set(room, undefined);
    this.#rooms.delete(room.name);
    this.#sorted = undefined;
    const owned = room.ownerKey === undefined ? 0 : (this.#inviteOnlyCounts.get(room.ownerKey) ?? 0);
    if (room.ownerKey !== undefined && owned > 1) this.#inviteOnlyCounts.set(room.ownerKey, owned - 1);
    else if (room.ownerKey !== undefined) this.#inviteOnlyCounts.delete(room.ownerKey);
    if (room.isAwaited) this.#kept?.forget(room.name);
    room.upkeep.close();
  }
}

/** What somebody is told who is neither in an invite-only room nor invited. */
export function notInvited(room: string): Fault {
  return new Fault("forbidden", `${room} is invite-only; ask one of its members to invite you`);
}

function nameKey(agent: string): string {
  return `name ${agent}`;
}

function proofKey(proof: string): string {
  return `proof ${proof}`;
}

import { Fault, notThere, type Clock, type Limits, type Principal } from "../core/index.js";
import type { Table } from "../storage/table.js";
import { ClaimedRooms } from "./claimed-rooms.js";
import { Listing } from "./listing.js";
import { Room, nameKey, notInvited, proofKey, type RoomUpkeep } from "./room.js";

/** An invite-only room as it is kept over a restart. */
export interface KeptRoom {
  /** The key of the agent that the room counts for. */
  readonly owner: string;
  /** Keys of invited names and proofs, as in `Room.invited`. */
  readonly invited: readonly string[];
}

/** What the directory does when a room is made or has to be removed. */
interface RoomHooks {
  /** Starts a room's history or guard. */
  readonly upkeep: (name: string, inviteOnly: boolean) => RoomUpkeep;
  /** Puts all members out of a room that is about to be removed. */
  readonly vacate: (room: Room) => void;
}

/** How a new room is to be. */
interface NewRoom {
  readonly inviteOnly: boolean;
  readonly configured: boolean;
  /** The agent that makes it; undefined if the room comes from the configuration or from disk. */
  readonly maker?: Principal | undefined;
}

type RoomLimits = Pick<
  Limits,
  "roomsMax" | "roomsClaimedMax" | "roomsPerAgentMax" | "invitationsPerRoomMax" | "emptyRoomMs"
>;

/** All rooms of a directory. Removes rooms that stay empty, and one room when there is no space for a new one. */
export class Rooms {
  // bound: roomsMax · evicts: the public room that has been empty longest, else a room of the agent with the most rooms
  // of claimed names, else an empty invite-only room of the agent that made the most; if there is none, one more is
  // refused as full · owner: Rooms
  readonly #rooms = new Map<string, Room>();
  // bound: roomsMax · evicts: a room leaves when an agent joins it or it is removed · owner: Rooms
  readonly #empty = new Set<Room>();
  // bound: roomsMax · evicts: an owner goes with its last room; an owner of roomsPerAgentMax invite-only rooms is
  // refused one more as full · owner: Rooms
  readonly #inviteOnlyCounts = new Map<string, number>();
  /** Public rooms in which every member only claims its name; each counts for its oldest member. */
  readonly #claimed = new ClaimedRooms<Room>();
  // bound: roomsMax · evicts: a room leaves when an agent joins it or it is removed · owner: Rooms
  readonly #emptyInviteOnly = new Set<Room>();
  readonly #limits: RoomLimits;
  readonly #clock: Clock;
  readonly #hooks: RoomHooks;
  readonly #names = new Listing();
  #sorted: readonly Room[] | undefined;
  /** Where invite-only rooms are kept over a restart; undefined if they are not. */
  #table: Table<KeptRoom> | undefined;

  constructor(limits: RoomLimits, clock: Clock, hooks: RoomHooks) {
    this.#limits = limits;
    this.#clock = clock;
    this.#hooks = hooks;
  }

  get size(): number {
    return this.#rooms.size;
  }

  get(name: string): Room | undefined {
    return this.#rooms.get(name);
  }

  /** The room, if `viewer` may read it. @throws Fault not-found, forbidden */
  visible(name: string, viewer: Principal | undefined): Room {
    const room = this.#rooms.get(name);
    if (room === undefined) throw new Fault("not-found", notThere(name));
    if (!room.isOpenTo(viewer)) throw notInvited(name);
    return room;
  }

  /** All rooms by name. */
  all(): readonly Room[] {
    return (this.#sorted ??= this.#names.of(this.#rooms, () => true).flatMap((name) => this.#rooms.get(name) ?? []));
  }

  /** Makes a public room. @throws Fault full */
  make(name: string, options: { readonly configured: boolean; readonly maker?: Principal }): Room {
    return this.#add(name, { inviteOnly: false, ...options });
  }

  /** Makes an invite-only room and invites its owner. @throws Fault full */
  makeInviteOnly(name: string, owner: Principal): Room {
    const shown = owner.proof ?? owner.expectedProof;
    const key = shown === undefined ? nameKey(owner.agent) : proofKey(shown);
    const count = this.#inviteOnlyCounts.get(key) ?? 0;
    if (count >= this.#limits.roomsPerAgentMax) {
      throw new Fault(
        "full",
        `${owner.agent} has made ${String(count)} invite-only rooms, which is as many as one agent can; ` +
          "use one of them",
      );
    }
    const room = this.#add(name, { inviteOnly: true, configured: false, maker: owner });
    this.#inviteOnlyCounts.set(key, count + 1);
    room.ownerKey = key;
    this.invite(room, [owner]);
    return room;
  }

  /** Invites agents; `invitees` are all principals of one name. @throws Fault full */
  invite(room: Room, invitees: readonly Principal[]): void {
    if (room.invited.size >= this.#limits.invitationsPerRoomMax)
      throw new Fault("full", `${room.name} has given as many invitations as a room can`);
    for (const invitee of invitees) room.invite(invitee);
    this.#keep(room);
  }

  /** Restores the rooms that `table` holds, and keeps invite-only rooms there from now on. */
  load(table: Table<KeptRoom>): void {
    this.#table = table;
    for (const [name, { owner, invited }] of table.range("", "\uffff")) {
      // A configured room of that name is public: the configuration wins.
      if (this.#rooms.has(name)) continue;
      const room = this.#put(name, { inviteOnly: true, configured: false });
      room.ownerKey = owner;
      this.#inviteOnlyCounts.set(owner, (this.#inviteOnlyCounts.get(owner) ?? 0) + 1);
      for (const one of invited) room.invited.add(one);
      this.#emptyInviteOnly.add(room);
    }
  }

  /** Keeps a room to which somebody may come back, so that its name is not free for strangers after a restart. */
  #keep({ name, ownerKey, invited, isAwaited }: Room): void {
    if (!isAwaited || ownerKey === undefined) return;
    // The owner of the tables reports a failed write; the room then exists until the broker stops.
    this.#table?.put(name, { owner: ownerKey, invited: [...invited] }).catch(() => undefined);
  }

  #add(name: string, wanted: NewRoom): Room {
    const { roomsMax, roomsClaimedMax } = this.#limits;
    const most = wanted.maker?.trust === "claimed" ? Math.min(roomsMax, roomsClaimedMax) : roomsMax;
    if (this.#rooms.size >= most && !wanted.configured) this.#makeSpace(wanted.maker);
    return this.#put(name, wanted);
  }

  /** Adds a room without a look at the limit: rooms from disk exist even beyond it. */
  #put(name: string, { inviteOnly, configured }: NewRoom): Room {
    const room = new Room(name, { inviteOnly, configured, upkeep: this.#hooks.upkeep(name, inviteOnly) });
    this.#rooms.set(name, room);
    this.#changed();
    return room;
  }

  /** A room has come or gone. */
  #changed(): void {
    this.#names.changed();
    this.#sorted = undefined;
  }

  /** A principal has joined `room`. */
  entered(room: Room, { trust }: Principal): void {
    this.#occupied(room);
    if (trust !== "claimed") room.provingCount += 1;
    this.#recount(room);
  }

  /** A principal has left `room`. */
  exited(room: Room, { trust }: Principal): void {
    if (trust !== "claimed") room.provingCount -= 1;
    this.#recount(room);
  }

  #occupied(room: Room): void {
    room.keepAlive?.();
    room.keepAlive = undefined;
    this.#empty.delete(room);
    this.#emptyInviteOnly.delete(room);
  }

  /** Notes for which agent the room counts now. */
  #recount(room: Room): void {
    const [oldest] = room.provingCount === 0 && !room.configured && !room.inviteOnly ? room.members.keys() : [];
    this.#claimed.set(room, oldest);
  }

  /** The last member has left: the room is removed after `emptyRoomMs`, unless it is configured or awaited. */
  emptied(room: Room): void {
    if (room.ownerKey !== undefined) this.#emptyInviteOnly.add(room);
    if (room.configured || room.isAwaited || room.keepAlive !== undefined) return;
    this.#empty.add(room);
    room.keepAlive = this.#clock.after(this.#limits.emptyRoomMs, () => {
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

  /** Removes one room to make space for a new one. @throws Fault full if no room may be removed */
  #makeSpace(maker: Principal | undefined): void {
    const own = maker?.trust === "claimed" ? this.#claimed.count(maker.agent) : 0;
    const [longestEmpty] = this.#empty;
    const removed = longestEmpty ?? this.#claimed.oldestOfLargest(own) ?? this.#emptyOfLargestMaker();
    if (removed === undefined)
      throw new Fault("full", "the broker has as many rooms as it can; use one of them, or free one by leaving it");
    if (removed.members.size > 0) this.#hooks.vacate(removed);
    this.#remove(removed);
  }

  /**
   * An empty room of the agent that has made the most: an agent with few rooms keeps them while others make thousands.
   */
  #emptyOfLargestMaker(): Room | undefined {
    let most = 1;
    let found: Room | undefined;
    for (const room of this.#emptyInviteOnly) {
      const count = room.ownerKey === undefined ? 0 : (this.#inviteOnlyCounts.get(room.ownerKey) ?? 0);
      if (count <= most) continue;
      most = count;
      found = room;
    }
    return found;
  }

  #remove(room: Room): void {
    this.#occupied(room);
    this.#claimed.set(room, undefined);
    this.#rooms.delete(room.name);
    this.#changed();
    const count = room.ownerKey === undefined ? 0 : (this.#inviteOnlyCounts.get(room.ownerKey) ?? 0);
    if (room.ownerKey !== undefined && count > 1) this.#inviteOnlyCounts.set(room.ownerKey, count - 1);
    else if (room.ownerKey !== undefined) this.#inviteOnlyCounts.delete(room.ownerKey);
    if (room.isAwaited) this.#table?.delete(room.name).catch(() => undefined);
    room.upkeep.close();
  }
}

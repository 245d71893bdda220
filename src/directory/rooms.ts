import {
  Allotment,
  FairShares,
  Fault,
  isIssued,
  notThere,
  Ranking,
  type Clock,
  type Limits,
  type Party,
  type Principal,
  type Share,
} from "../core/index.js";
import { ClaimedRooms } from "./claimed-rooms.js";
import type { KeptRooms } from "./kept-rooms.js";
import { Listing } from "./listing.js";
import { Room, closedFor, invitationKey, ownerOf, type RoomOwner, type RoomUpkeep } from "./room.js";

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
  readonly maker?: RoomMaker | undefined;
}

/** Who makes a room. */
export interface RoomMaker {
  readonly principal: Principal;
  readonly party: Party;
}

type RoomLimits = Pick<
  Limits,
  "roomsMax" | "roomsClaimedMax" | "roomsPerAgentMax" | "invitationsPerRoomMax" | "invitationsMax" | "emptyRoomMs"
>;

/** Invitations that everybody may give in any case. */
const invitationsAssured = 10;

/** All rooms of a directory. Removes rooms that stay empty, and one room when there is no space for a new one. */
export class Rooms {
  // bound: roomsMax · evicts: the public room that has been empty longest, else a room of the agent with the most rooms
  // of claimed names, else an empty invite-only room of the network, and there of the agent, that has the most; if
  // nobody has more than whoever makes one, that is refused as full · owner: Rooms
  readonly #rooms = new Map<string, Room>();
  // bound: roomsMax · evicts: a room leaves when an agent joins it or it is removed · owner: Rooms
  readonly #empty = new Set<Room>();
  /** Invite-only rooms by owner: an owner of roomsPerAgentMax is refused one more as full. */
  readonly #roomsOf = new Ranking<string>();
  /** Invitations by the owner of the room. */
  readonly #invitationsOf = new Ranking<string>();
  readonly #invitations: Allotment;
  /** Public rooms in which every member only claims its name; each counts for its oldest member. */
  readonly #claimed = new ClaimedRooms<Room>();
  /** Invite-only rooms in which nobody is. */
  readonly #emptyInviteOnly = new FairShares<Room>();
  // bound: roomsMax · evicts: a room leaves when an agent joins it or it is removed · owner: Rooms
  readonly #emptyShares = new Map<Room, Share>();
  readonly #limits: RoomLimits;
  readonly #clock: Clock;
  readonly #hooks: RoomHooks;
  readonly #names = new Listing();
  #sorted: readonly Room[] | undefined;
  /** Where invite-only rooms are kept over a restart; undefined if they are not. */
  #kept: KeptRooms | undefined;

  constructor(limits: RoomLimits, clock: Clock, hooks: RoomHooks) {
    this.#limits = limits;
    this.#clock = clock;
    this.#hooks = hooks;
    this.#invitations = new Allotment(() => limits.invitationsMax, invitationsAssured);
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
    if (!room.isOpenTo(viewer)) throw closedFor(room, viewer);
    return room;
  }

  /** All rooms by name. */
  all(): readonly Room[] {
    return (this.#sorted ??= this.#names.of(this.#rooms, () => true).flatMap((name) => this.#rooms.get(name) ?? []));
  }

  /** Makes a public room. @throws Fault full */
  make(name: string, options: { readonly configured: boolean; readonly maker?: RoomMaker }): Room {
    return this.#add(name, { inviteOnly: false, ...options });
  }

  /**
   * Makes an invite-only room and invites its owner. `kept` resolves when that is on disk; undefined if nothing has to
   * be kept. If it rejects, there is no such room.
   * @throws Fault full
   */
  makeInviteOnly(name: string, maker: RoomMaker): { readonly room: Room; readonly kept: Promise<void> | undefined } {
    const owner = ownerOf(maker.principal, maker.party);
    const count = this.#roomsOf.amountOf(owner.key);
    if (count >= this.#limits.roomsPerAgentMax) {
      throw new Fault(
        "full",
        `${maker.principal.agent} has made ${String(count)} invite-only rooms, which is as many as one agent can; ` +
          "use one of them",
      );
    }
    const key = invitationKey(maker.principal);
    if (key !== undefined) this.#mayInvite(name, owner, 0, 1);
    const room = this.#add(name, { inviteOnly: true, configured: false, maker });
    this.#owned(room, owner);
    const kept = this.#invite(room, [maker.principal]);
    if (kept === undefined) return { room, kept };
    room.state = "making";
    return {
      room,
      kept: kept.then(
        () => {
          room.state = "kept";
        },
        (thrown: unknown) => {
          room.state = "making"; // nobody has been told of it, and nobody is told that it goes
          this.#hooks.vacate(room);
          this.#remove(room);
          throw thrown;
        },
      ),
    };
  }

  /**
   * Invites agents; `invitees` are all principals of one name. Resolves when that is on disk; undefined if there is
   * nothing to keep.
   * @throws Fault full, and as a rejection unavailable, not-found (the room has gone meanwhile)
   */
  invite(room: Room, invitees: readonly Principal[]): Promise<void> | undefined {
    const { name, owner } = room;
    const keys = newKeys(room, invitees);
    if (keys.length > 0) this.#mayInvite(name, owner, room.invited.size + room.inviting.size, keys.length);
    return this.#invite(room, invitees);
  }

  #mayInvite(name: string, owner: RoomOwner | undefined, inRoom: number, more: number): void {
    if (inRoom + more > this.#limits.invitationsPerRoomMax)
      throw new Fault("full", `${name} has given as many invitations as a room can`);
    if (owner?.isIssued === true || this.#invitations.allows(this.#invitationsOf.amountOf(owner?.key ?? ""), more))
      return;
    throw new Fault(
      "full",
      "the broker keeps as many invitations as it can, and many of them are to rooms of this room's owner; " +
        "an owner with a token (broker token NAME) may give more",
    );
  }

  /** Keeps what is new of the invitations, one row each, and lets the invitees in once it is on disk. */
  #invite(room: Room, invitees: readonly Principal[]): Promise<void> | undefined {
    const { owner, inviting, name } = room;
    const keys = newKeys(room, invitees);
    const underWay = keysOf(invitees).flatMap((key) => inviting.get(key) ?? []);
    this.#countInvitations(owner, keys.length);
    const grant = (): void => {
      for (const invitee of invitees) room.grant(invitee);
    };
    if ((keys.length === 0 && underWay.length === 0) || owner === undefined || this.#kept === undefined) {
      grant();
      return undefined;
    }
    if (keys.length > 0) underWay.push(this.#keep(room, owner, this.#kept, keys));
    return Promise.all(underWay).then(() => {
      if (this.#rooms.get(name) !== room) throw new Fault("not-found", notThere(name));
      grant();
    });
  }

  /** Keeps invitations, and the room with them if it has no row yet. */
  async #keep(room: Room, owner: RoomOwner, kept: KeptRooms, keys: readonly string[]): Promise<void> {
    const { inviting, name } = room;
    const { key, isIssued, party } = owner;
    const isFirst = room.state === "passing";
    room.state = "kept";
    const adding = kept.add(name, isFirst ? { owner: key, isIssued, network: party.network } : undefined, keys);
    for (const one of keys) inviting.set(one, adding);
    try {
      await adding;
      for (const one of keys) room.invited.add(one);
    } catch (thrown) {
      if (isFirst) room.state = "passing";
      if (this.#rooms.get(name) === room) this.#countInvitations(owner, -keys.length);
      throw thrown;
    } finally {
      for (const one of keys) inviting.delete(one);
    }
  }

  #countInvitations(owner: RoomOwner | undefined, change: number): void {
    this.#invitations.used += change;
    if (owner !== undefined) this.#invitationsOf.add(owner.key, change);
  }

  #owned(room: Room, owner: RoomOwner): void {
    room.owner = owner;
    this.#roomsOf.add(owner.key, 1);
  }

  /** Restores the rooms that were kept, and keeps invite-only rooms from now on. @throws Fault unavailable */
  async load(kept: KeptRooms): Promise<void> {
    this.#kept = kept;
    for (const { name, room: row, invited } of await kept.load()) {
      // A configured room of that name is public: the configuration wins.
      if (this.#rooms.has(name)) continue;
      const room = this.#put(name, { inviteOnly: true, configured: false });
      const { owner: key, isIssued = false, network = "" } = row;
      this.#owned(room, { key, isIssued, party: { network, name: key } });
      room.state = "kept";
      for (const one of invited) room.invited.add(one);
      this.#countInvitations(room.owner, invited.length);
      this.#emptied(room);
    }
  }

  #add(name: string, wanted: NewRoom): Room {
    const { roomsMax, roomsClaimedMax } = this.#limits;
    const { maker } = wanted;
    const hasReserve = maker === undefined || maker.principal.trust === "shared" || isIssued(maker.principal);
    const most = hasReserve ? roomsMax : Math.min(roomsMax, roomsClaimedMax);
    if (this.#rooms.size >= most && !wanted.configured) this.#makeSpace(maker);
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
    this.#emptyShares.get(room)?.end();
    this.#emptyShares.delete(room);
  }

  /** Notes for which agent the room counts now. */
  #recount(room: Room): void {
    const [oldest] = room.provingCount === 0 && !room.configured && !room.inviteOnly ? room.members.keys() : [];
    this.#claimed.set(room, oldest);
  }

  /** The last member has left: the room is removed after `emptyRoomMs`, unless it is configured or awaited. */
  emptied(room: Room): void {
    this.#emptied(room);
    if (room.configured || room.isAwaited || room.keepAlive !== undefined) return;
    this.#empty.add(room);
    room.keepAlive = this.#clock.after(this.#limits.emptyRoomMs, () => {
      this.#remove(room);
    });
  }

  #emptied(room: Room): void {
    if (room.owner === undefined || this.#emptyShares.has(room)) return;
    this.#emptyShares.set(room, this.#emptyInviteOnly.add(room, room.owner.party));
  }

  /** Cancels all timers and ends all upkeep. */
  close(): void {
    for (const room of this.#rooms.values()) {
      room.keepAlive?.();
      room.keepAlive = undefined;
      room.upkeep.close();
    }
    this.#empty.clear();
    this.#emptyShares.clear();
  }

  /** Removes one room to make space for a new one. @throws Fault full if no room may be removed */
  #makeSpace(maker: RoomMaker | undefined): void {
    const own = maker?.principal.trust === "claimed" ? this.#claimed.count(maker.principal.agent) : 0;
    const [longestEmpty] = this.#empty;
    const removed =
      longestEmpty ??
      this.#claimed.oldestOfLargest(own) ??
      (maker === undefined
        ? undefined
        : this.#emptyInviteOnly.excessBeside(ownerOf(maker.principal, maker.party).party));
    if (removed === undefined)
      throw new Fault("full", "the broker has as many rooms as it can; use one of them, or free one by leaving it");
    if (removed.members.size > 0) this.#hooks.vacate(removed);
    this.#remove(removed);
  }

  #remove(room: Room): void {
    this.#occupied(room);
    this.#claimed.set(room, undefined);
    this.#rooms.delete(room.name);
    this.#changed();
    const { invited, inviting, name, owner, state } = room;
    if (owner !== undefined) {
      this.#roomsOf.add(owner.key, -1);
      this.#countInvitations(owner, -(invited.size + inviting.size));
    }
    // The owner of the tables reports a failed write; the room is then there again after a restart.
    if (state !== "passing") this.#kept?.remove(name, [...invited, ...inviting.keys()]).catch(() => undefined);
    room.upkeep.close();
  }
}

/** What the invitations of these principals belong to. */
function keysOf(invitees: readonly Principal[]): readonly string[] {
  return [...new Set(invitees.flatMap((invitee) => invitationKey(invitee) ?? []))];
}

/** What has to be kept of invitations: keys that are neither on disk nor on their way there. */
function newKeys({ invited, inviting }: Room, invitees: readonly Principal[]): readonly string[] {
  return keysOf(invitees).filter((key) => !invited.has(key) && !inviting.has(key));
}

import { Fault, notThere, Ranking, standingOf, type Clock, type Limits, type Principal } from "../core/index.js";
import { Invitations } from "./invitations.js";
import type { KeptRooms } from "./kept-rooms.js";
import { Listing } from "./listing.js";
import { RoomShares } from "./room-shares.js";
import {
  Room,
  closedFor,
  invitationKey,
  makerOf,
  mustBeRoom,
  ownerOf,
  type RoomMaker,
  type RoomOwner,
  type RoomUpkeep,
} from "./room.js";

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

type RoomLimits = Pick<
  Limits,
  "roomsMax" | "roomsClaimedMax" | "roomsPerAgentMax" | "invitationsPerRoomMax" | "invitationsMax" | "emptyRoomMs"
>;

/** All rooms of a directory. Removes rooms that stay empty, and one room when there is no space for a new one. */
export class Rooms {
  // bound: roomsMax · evicts: the public room that has been empty longest, else the first of the party that has made
  // most, of the network that has; none of a better standing than who makes one; if nobody has more than that party
  // would have, it is refused as full · owner: Rooms
  readonly #rooms = new Map<string, Room>();
  /** Invite-only rooms by owner: an owner of roomsPerAgentMax is refused one more as full. */
  readonly #roomsOf = new Ranking<string>();
  readonly #invitations: Invitations;
  readonly #shares = new RoomShares();
  readonly #limits: RoomLimits;
  readonly #clock: Clock;
  readonly #hooks: RoomHooks;
  readonly #names = new Listing();
  #sorted: readonly Room[] | undefined;
  #stage: "open" | "ended" = "open";
  /** Where invite-only rooms are kept over a restart; undefined if they are not. */
  #kept: KeptRooms | undefined;

  constructor(limits: RoomLimits, clock: Clock, hooks: RoomHooks) {
    this.#limits = limits;
    this.#clock = clock;
    this.#hooks = hooks;
    this.#invitations = new Invitations(limits);
  }

  get size(): number {
    return this.#rooms.size;
  }

  get(name: string): Room | undefined {
    return this.#rooms.get(name);
  }

  /** The room, if `viewer` may read it. @throws Fault malformed, not-found, forbidden */
  visible(name: string, viewer: Principal | undefined): Room {
    const room = this.#rooms.get(name);
    if (room === undefined) {
      mustBeRoom(name); // without its # it is no agent that is not here
      throw new Fault("not-found", notThere(name));
    }
    if (!room.isOpenTo(viewer)) throw closedFor(room, viewer);
    return room;
  }

  /** All rooms as they came. */
  unsorted(): Iterable<Room> {
    return this.#rooms.values();
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
    const owner = ownerOf(maker);
    const count = this.#roomsOf.amountOf(owner.key);
    if (count >= this.#limits.roomsPerAgentMax) {
      throw new Fault(
        "full",
        `${maker.principal.agent} has made ${String(count)} invite-only rooms, which is as many as one agent can; ` +
          "use one of them",
      );
    }
    const key = invitationKey(maker.principal);
    if (key !== undefined) this.#invitations.mayGive(name, undefined, owner, owner, 1);
    const room = this.#add(name, { inviteOnly: true, configured: false, maker });
    this.#owned(room, owner);
    const kept = this.#invite(room, [maker.principal], owner.key);
    if (kept === undefined) return { room, kept };
    room.state = "making";
    return {
      room,
      kept: kept.then(
        () => {
          room.state = "kept";
        },
        (thrown: unknown) => {
          this.giveUp(room);
          throw thrown;
        },
      ),
    };
  }

  /**
   * `giver` invites agents; `invitees` are all principals of one name. Resolves when that is on disk; undefined if there is
   * nothing to keep.
   * @throws Fault full, and as a rejection unavailable, not-found (the room has gone meanwhile)
   */
  invite(room: Room, invitees: readonly Principal[], giver: RoomMaker): Promise<void> | undefined {
    const { name, owner } = room;
    const by = ownerOf(giver);
    const keys = newKeys(room, invitees);
    if (keys.length > 0 && owner !== undefined) this.#invitations.mayGive(name, room, owner, by, keys.length);
    return this.#invite(room, invitees, by.key);
  }

  /** Keeps what is new of the invitations, one row each, and lets the invitees in once it is on disk. */
  #invite(room: Room, invitees: readonly Principal[], by: string): Promise<void> | undefined {
    const { owner, inviting, name } = room;
    const keys = newKeys(room, invitees);
    const underWay = keysOf(invitees).flatMap((key) => inviting.get(key)?.adding ?? []);
    if (owner !== undefined) this.#invitations.count(room, owner, by, keys.length);
    const grant = (): void => {
      for (const invitee of invitees) room.grant(invitee, by);
    };
    if ((keys.length === 0 && underWay.length === 0) || owner === undefined || this.#kept === undefined) {
      grant();
      return undefined;
    }
    if (keys.length > 0) underWay.push(this.#keep(room, owner, this.#kept, keys, by));
    return Promise.all(underWay).then(() => {
      if (this.#rooms.get(name) !== room) throw new Fault("not-found", notThere(name));
      grant();
    });
  }

  /**
   * Keeps invitations, and the room with them until its row is known to be on disk: an invitation without it would be
   * one to whoever makes a room of that name next.
   */
  async #keep(room: Room, owner: RoomOwner, kept: KeptRooms, keys: readonly string[], by: string): Promise<void> {
    const { inviting, name } = room;
    const { network, standing = "free" } = owner.party;
    if (room.state === "passing") room.state = "keeping";
    const row = room.state === "keeping" ? { owner: owner.key, standing, network } : undefined;
    const adding = kept.add(name, { room: row, underWay: inviting }, keys, by === owner.key ? true : { by });
    for (const one of keys) inviting.set(one, { adding, by });
    try {
      await adding;
      if (room.state === "keeping") room.state = "kept";
      for (const one of keys) room.invited.set(one, by);
    } catch (thrown) {
      for (const one of keys) inviting.delete(one);
      if (room.state === "keeping" && inviting.size === 0) room.state = "passing";
      if (this.#rooms.get(name) === room) {
        this.#invitations.count(room, owner, by, -keys.length);
        if (room.members.size === 0) this.emptied(room); // its last member left while somebody was awaited
      }
      throw thrown;
    }
    for (const one of keys) inviting.delete(one);
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
      const { owner: key, isIssued = false, standing = isIssued ? "issued" : "free", network = "" } = row;
      const owner = { key, isIssued: standing === "issued", party: { network, name: key, standing } };
      this.#owned(room, owner);
      this.#shares.add(room, owner.party);
      room.state = "kept";
      for (const [one, by] of invited) {
        room.invited.set(one, by);
        this.#invitations.count(room, owner, by, 1);
      }
    }
  }

  /** A room that was durable when the broker stopped. */
  restore(name: string, maker: RoomOwner | undefined): Room {
    const room = this.#put(name, { inviteOnly: false, configured: false });
    room.maker = maker;
    return room;
  }

  /** The room remembers: it goes for nobody, and not because it is empty. */
  hold(room: Room): void {
    this.#occupied(room);
    this.#shares.delete(room);
  }

  /** The room remembers nothing any more: it counts, and goes, as others do. */
  letGo(room: Room): void {
    const { configured, maker, members, owner } = room;
    if (!configured) this.#shares.add(room, (owner ?? maker)?.party ?? { network: "", name: "", standing: "issued" });
    for (const through of members.values())
      for (const { principal } of through) this.#shares.changed(room, principal, 1);
    if (members.size === 0 && this.#rooms.get(room.name) === room) this.emptied(room);
  }

  /** A room that could not be kept: nobody has been told of it, and nobody is told that it goes. */
  giveUp(room: Room): void {
    room.state = "making";
    this.#hooks.vacate(room);
    // Meanwhile it may have made room for another, and the other may have its name.
    if (this.#rooms.get(room.name) === room) this.#remove(room);
  }

  #add(name: string, wanted: NewRoom): Room {
    const { roomsMax, roomsClaimedMax } = this.#limits;
    const { maker } = wanted;
    if (maker === undefined) return this.#put(name, wanted);
    const isFree = standingOf(maker.principal) === "free";
    const most = isFree ? Math.min(roomsMax, roomsClaimedMax) : roomsMax;
    if (this.#rooms.size >= most) this.#makeSpace(maker);
    const room = this.#put(name, wanted);
    this.#shares.add(room, makerOf(maker));
    if (!wanted.inviteOnly) room.maker = ownerOf(maker);
    return room;
  }

  /** Adds a room without a look at the limit: rooms from disk exist even beyond it. */
  #put(name: string, { inviteOnly, configured }: NewRoom): Room {
    const room = new Room(name, { inviteOnly, configured, upkeep: this.#hooks.upkeep(name, inviteOnly) });
    this.#rooms.set(name, room);
    this.#changed(name);
    return room;
  }

  /** A room has come or gone. */
  #changed(name: string): void {
    this.#names.changed(name);
    this.#sorted = undefined;
  }

  /** A principal has joined `room`. */
  entered(room: Room, member: Principal): void {
    this.#occupied(room);
    this.#shares.changed(room, member, 1);
  }

  /** A principal has left `room`. */
  exited(room: Room, member: Principal): void {
    this.#shares.changed(room, member, -1);
  }

  #occupied(room: Room): void {
    room.keepAlive?.();
    room.keepAlive = undefined;
    this.#shares.occupied(room);
  }

  /** The last member has left: the room is removed after `emptyRoomMs`, unless it is configured, awaited or durable. */
  emptied(room: Room): void {
    if (this.#stage === "ended") return;
    if (room.configured || room.isAwaited || room.log !== undefined || room.keepAlive !== undefined) return;
    this.#shares.emptied(room);
    room.keepAlive = this.#clock.after(this.#limits.emptyRoomMs, () => {
      this.#remove(room);
    });
  }

  /** Cancels all timers and ends all upkeep. */
  close(): void {
    this.#stage = "ended";
    for (const room of this.#rooms.values()) {
      room.keepAlive?.();
      room.keepAlive = undefined;
      room.upkeep.close();
    }
    this.#shares.clear();
  }

  /** Removes one room to make space for a new one. @throws Fault full if no room may be removed */
  #makeSpace(maker: RoomMaker): void {
    const removed = this.#shares.excessFor(makerOf(maker));
    if (removed === undefined)
      throw new Fault("full", "the broker has as many rooms as it can; use one of them, or free one by leaving it");
    if (removed.members.size > 0) this.#hooks.vacate(removed);
    this.#remove(removed);
  }

  #remove(room: Room): void {
    this.#occupied(room);
    this.#shares.delete(room);
    this.#rooms.delete(room.name);
    this.#changed(room.name);
    const { invited, inviteOnly, inviting, name, owner, state } = room;
    if (owner !== undefined) {
      this.#roomsOf.add(owner.key, -1);
      for (const by of invited.values()) this.#invitations.count(room, owner, by, -1);
      for (const { by } of inviting.values()) this.#invitations.count(room, owner, by, -1);
    }
    // The owner of the tables reports a failed write; the room is then there again after a restart.
    if (inviteOnly && state !== "passing")
      this.#kept?.remove(name, [...invited.keys(), ...inviting.keys()]).catch(() => undefined);
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

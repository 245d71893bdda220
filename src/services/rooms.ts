import { Fault, notThere, type Clock, type Limits, type Principal } from "../core/index.js";
import type { RoomHistory } from "./history.js";
import { isSameSpeaker, type PresenceMemory } from "./presence.js";

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
    for (const presence of this.members.get(principal.agent) ?? []) if (isSameSpeaker(presence.principal, principal)) return true;
    return false;
  }

  isInvited(principal: Principal): boolean {
    return this.invited.has(nameKey(principal.agent)) || (principal.proof !== undefined && this.invited.has(proofKey(principal.proof)));
  }

  /** True if `viewer` may know of the room and read it. */
  isOpenTo(viewer: Principal | undefined): boolean {
    if (!this.inviteOnly) return true;
    return viewer !== undefined && (viewer.scopes.has("inspect") || this.isMember(viewer) || this.isInvited(viewer));
  }

  /** Binds an invitation to what proves the invitee, else to its name. */
  invite(agent: string, proof: string | undefined): void {
    this.invited.add(proof === undefined ? nameKey(agent) : proofKey(proof));
  }
}

/** What {@link Rooms} needs. */
export interface RoomsOptions {
  readonly limits: Pick<Limits, "roomsMax" | "roomsPerAgentMax" | "emptyRoomMs">;
  readonly clock: Clock;
  /** Starts a room's history or guard. */
  readonly upkeep: (name: string, inviteOnly: boolean) => RoomUpkeep;
}

/** All rooms, and the end of empty ones. */
export class Rooms {
  // bound: roomsMax · evicts: the public room that has been empty longest; if there is none, one more is refused as full · owner: Rooms
  readonly #rooms = new Map<string, Room>();
  // bound: roomsMax · evicts: a room leaves when somebody joins it or it goes · owner: Rooms
  readonly #empty = new Set<Room>();
  // bound: roomsMax · evicts: an owner of roomsPerAgentMax invite-only rooms, which never go, is refused one more as full · owner: Rooms
  readonly #owned = new Map<string, number>();
  readonly #options: RoomsOptions;
  #sorted: readonly Room[] | undefined;

  constructor(options: RoomsOptions) {
    this.#options = options;
  }

  get(name: string): Room | undefined {
    return this.#rooms.get(name);
  }

  /** The room, if `viewer` may know of it. @throws Fault not-found */
  visible(name: string, viewer: Principal | undefined): Room {
    const room = this.#rooms.get(name);
    if (room?.isOpenTo(viewer) !== true) throw new Fault("not-found", notThere(name));
    return room;
  }

  /** All rooms by name. */
  all(): readonly Room[] {
    return (this.#sorted ??= [...this.#rooms.values()].sort((one, other) => (one.name < other.name ? -1 : 1)));
  }

  /** Makes a public room. @throws Fault full */
  make(name: string, options: { readonly configured: boolean }): Room {
    return this.#add(name, { inviteOnly: false, ...options });
  }

  /** Makes an invite-only room, to which its owner is invited. @throws Fault full */
  makeInviteOnly(name: string, owner: Principal): Room {
    const key = owner.proof === undefined ? nameKey(owner.agent) : proofKey(owner.proof);
    const owned = this.#owned.get(key) ?? 0;
    if (owned >= this.#options.limits.roomsPerAgentMax) {
      throw new Fault("full", `${owner.agent} has made ${String(owned)} invite-only rooms, which is as many as one agent can; use one of them`);
    }
    const room = this.#add(name, { inviteOnly: true, configured: false });
    this.#owned.set(key, owned + 1);
    room.invite(owner.agent, owner.proof);
    return room;
  }

  #add(name: string, options: { inviteOnly: boolean; configured: boolean }): Room {
    if (this.#rooms.size >= this.#options.limits.roomsMax && !options.configured) this.#makeSpace();
    const room = new Room(name, { ...options, upkeep: this.#options.upkeep(name, options.inviteOnly) });
    this.#rooms.set(name, room);
    this.#sorted = undefined;
    return room;
  }

  /** Somebody is in the room. */
  occupied(room: Room): void {
    room.keepAlive?.();
    room.keepAlive = undefined;
    this.#empty.delete(room);
  }

  /** The last member has left: the room goes after its time, unless it is configured or invite-only. */
  emptied(room: Room): void {
    if (room.configured || room.inviteOnly || room.keepAlive !== undefined) return;
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
  }

  #makeSpace(): void {
    const [longestEmpty] = this.#empty;
    if (longestEmpty === undefined) throw new Fault("full", "the broker has as many rooms as it can; use one of them, or free one by leaving it");
    this.#remove(longestEmpty);
  }

  #remove(room: Room): void {
    this.occupied(room);
    this.#rooms.delete(room.name);
    this.#sorted = undefined;
    room.upkeep.close();
  }
}

function nameKey(agent: string): string {
  return `name ${agent}`;
}

function proofKey(proof: string): string {
  return `proof ${proof}`;
}

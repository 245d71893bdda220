import {
  Fault,
  isIssued,
  isRoom,
  standingOf,
  type Allotment,
  type Limits,
  type Party,
  type Principal,
} from "../core/index.js";
import { isSameSpeaker, type PresenceMemory } from "./agents.js";
import type { RoomLog } from "../room-log/index.js";
import type { RoomEntry } from "./directory.js";
import type { RoomHistory } from "./history.js";
import { Listing } from "./listing.js";

const nobody: ReadonlySet<string> = new Set([]);

/** What runs beside a room until `close`: its history, the guard of its topic, what takes its messages into its log. */
export interface RoomUpkeep {
  readonly history: RoomHistory | undefined;
  close(): void;
}

/** A room: who is in it and who may be. */
export class Room {
  readonly name: string;
  readonly inviteOnly: boolean;
  /** It exists by configuration and is never removed. */
  readonly configured: boolean;
  upkeep: RoomUpkeep;
  /** What it remembers, if it is durable. */
  log: RoomLog | undefined;
  // bound: roomMembersMax, membershipsMax in all · evicts: joining one more is refused as full · owner: Room
  readonly members = new Map<string, Set<PresenceMemory>>();
  /** Its listed members, in order. */
  readonly listing = new Listing();
  /** Members by nobody who is connected. */
  // bound: members of the room (roomMembersMax) · evicts: who comes back, or leaves · owner: Room
  #away: Set<string> | undefined;
  #entry: RoomEntry | undefined;
  /** Keys of invited names and proofs, and of who invited them; see {@link nameKey} and {@link proofKey}. */
  // bound: invitationsPerRoomMax, invitationsMax in all · evicts: inviting one more is refused as full · owner: Room
  readonly invited = new Map<string, string>();
  /** How many of these invitations, and of those under way, others than the owner have given. */
  invitedByGuests = 0;
  /** Keys of invitations that are on their way to the disk. Nobody is let in by them yet. */
  // bound: invitationsPerRoomMax together with those invited · evicts: a key goes when it is on disk, or could not be ·
  // owner: Room
  readonly inviting = new Map<string, { readonly adding: Promise<void>; readonly by: string }>();
  /** Principals that are invited while they are online, whatever they prove. */
  readonly #invitedNow = new WeakSet<Principal>();
  /** Whom this room counts for, if it is invite-only. */
  owner: RoomOwner | undefined;
  /** Who has made it, if it is public and an agent's. */
  maker: RoomOwner | undefined;
  /**
   * `making`: it is on its way to the disk, so its name is taken, and nobody is told of it. `kept`: it has a row of its
   * own. `passing`: nobody can come back to it, and it goes with the broker, as a public one does. `keeping`: it was
   * passing, and its row is on its way to the disk.
   */
  state: "passing" | "making" | "keeping" | "kept" = "passing";
  /** Cancels the timer that removes the room; set while the room is empty. */
  keepAlive: (() => void) | undefined;

  constructor(name: string, options: { inviteOnly: boolean; configured: boolean; upkeep: RoomUpkeep }) {
    this.name = name;
    this.inviteOnly = options.inviteOnly;
    this.configured = options.configured;
    this.upkeep = options.upkeep;
  }

  /** The room as others see it; the same object while as many are in it, and it remembers as before. */
  entry(): RoomEntry {
    const { name, members, inviteOnly, log } = this;
    const away = this.#away?.size;
    const known = this.#entry;
    if (known?.members === members.size && known.durable === (log && true) && known.away === away) return known;
    const more = { ...(away !== undefined && { away }), ...(log && { durable: true as const }) };
    return (this.#entry = { name, members: members.size, inviteOnly, ...more });
  }

  /** Names of members who are away, those first who are so longest. */
  get away(): ReadonlySet<string> {
    return this.#away ?? nobody;
  }

  /** Must be called when a presence of this name has come or gone. */
  lookAway(agent: string): void {
    const through = this.members.get(agent);
    let isAway = false;
    if (through?.size === 1) for (const { state } of through) isAway = state === "away";
    if (isAway) (this.#away ??= new Set()).add(agent);
    else if (this.#away?.delete(agent) === true && this.#away.size === 0) this.#away = undefined;
  }

  /** True if this very speaker is in the room, by any of its presences. */
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
    if (this.state === "making") return false;
    if (!this.inviteOnly) return true;
    return viewer !== undefined && (viewer.scopes.has("inspect") || this.isMember(viewer) || this.isInvited(viewer));
  }

  /** True if an agent that is not here now may come back to the room. */
  get isAwaited(): boolean {
    return this.invited.size > 0 || this.inviting.size > 0;
  }

  /** Lets an agent in. `by`: the key of who invites it. */
  grant(invitee: Principal, by: string): void {
    this.#invitedNow.add(invitee);
    const key = invitationKey(invitee);
    if (key !== undefined && !this.invited.has(key)) this.invited.set(key, by);
  }
}

/** Who makes a room. */
export interface RoomMaker {
  readonly principal: Principal;
  readonly party: Party;
}

/** The agent that an invite-only room counts for. */
export interface RoomOwner {
  readonly key: string;
  /** True if the operator has issued what it proves. */
  readonly isIssued: boolean;
  readonly party: Party;
}

/**
 * The agent of `principal` as the owner of a room, or as one who invites. What is only announced is no owner: anybody
 * may announce a public key, and would use up what its owner may have.
 */
export function ownerOf({ principal, party }: RoomMaker): RoomOwner {
  return { key: ownerKey(principal), isIssued: isIssued(principal), party: makerOf({ principal, party }) };
}

/** The key of the agent of `principal` as the owner or maker of a room. */
export function ownerKey({ agent, proof }: Principal): string {
  return proof === undefined ? nameKey(agent) : proofKey(proof);
}

/** Whose share a room of this maker counts against: by the same name as after a restart, where one is proved. */
export function makerOf({ principal, party }: RoomMaker): Party {
  const { network, name, standing = standingOf(principal) } = party;
  return { network, name: principal.proof === undefined ? name : proofKey(principal.proof), standing };
}

/**
 * What an invitation belongs to: what proves the invitee now or could prove it later, else its name. Undefined if the
 * name is temporary: the invitation is then for this session alone.
 */
export function invitationKey({ agent, proof, expectedProof, temporary }: Principal): string | undefined {
  const shown = proof ?? expectedProof;
  if (shown !== undefined) return proofKey(shown);
  return temporary === true ? undefined : nameKey(agent);
}

/** @throws Fault malformed */
export function mustBeRoom(room: string): void {
  if (!isRoom(room))
    throw new Fault("malformed", "a room's name is # and 1 to 64 of A-Z a-z 0-9 _ - . and does not end in .");
}

/**
 * Refuses an agent that is neither in the invite-only room nor invited.
 * @throws Fault forbidden, unavailable while the room is being made
 */
export function mayEnter(room: Room, member: PresenceMemory): void {
  if (room.state === "making") throw closedFor(room, member.principal);
  if (!room.isMember(member.principal) && !room.isInvited(member.principal)) {
    throw notInvited(room.name);
  }
  mustBeProvedOnZmq(member, room.name);
}

/**
 * On ZeroMQ anybody can claim a name, so a claimed name enters no invite-only room (ZeroMQ §6.7).
 * @throws Fault forbidden
 */
export function mustBeProvedOnZmq(member: PresenceMemory, room: string): void {
  if (member.dialect !== "zmq" || member.principal.trust === "proved") return;
  throw new Fault(
    "forbidden",
    `${room} is invite-only, and on ZeroMQ that needs a proved name: ` +
      `connect with PLAIN and a token (broker token ${member.name})`,
  );
}

/**
 * Refuses a room more to an agent that is in too many. `all`: the memberships of all agents.
 * @throws Fault full
 */
export function mayJoinMore(
  roomCount: number,
  { name, principal }: PresenceMemory,
  { roomsPerAgentMax }: Pick<Limits, "roomsPerAgentMax">,
  all: Allotment,
): void {
  if (roomCount >= roomsPerAgentMax)
    throw new Fault(
      "full",
      `${name} is in ${String(roomsPerAgentMax)} rooms, which is as many as it can be; leave one first`,
    );
  if (!isIssued(principal) && !all.allows(roomCount))
    throw new Fault(
      "full",
      `the broker has as many members in rooms as it can, and ${name} is in ${String(roomCount)}; leave one first, ` +
        "or log in with a token of your own",
    );
}

/** Why a speaker may not speak in an invite-only room, or undefined. */
export function cannotSpeak(room: Room, speaker: Principal | undefined): Fault | undefined {
  if (speaker !== undefined && room.isMember(speaker)) return undefined;
  return speaker !== undefined && room.isInvited(speaker)
    ? new Fault("forbidden", `only members speak in ${room.name}; you are invited, join it first`)
    : notInvited(room.name);
}

/** The refusal for somebody to whom a room is not open. */
export function closedFor(room: Room, viewer: Principal | undefined): Fault {
  return room.state === "making" && (!room.inviteOnly || (viewer !== undefined && room.isMember(viewer)))
    ? new Fault("unavailable", `${room.name} is being made; try again when that is answered`)
    : notInvited(room.name);
}

/** The refusal for an agent that is neither in an invite-only room nor invited. */
export function notInvited(room: string): Fault {
  return new Fault("forbidden", `${room} is invite-only; ask one of its members to invite you`);
}

/** The key of an invited or owning name. */
export function nameKey(agent: string): string {
  return `name ${agent}`;
}

/** The key of an invited or owning proof. */
export function proofKey(proof: string): string {
  return `proof ${proof}`;
}

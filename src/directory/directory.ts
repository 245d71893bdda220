import type { Durability, Envelope, Fault, Message, Party, Principal, Subscriber, Trust } from "../core/index.js";
import type { LogBounds } from "../room-log/index.js";
import type { ContactBook } from "./contact-book.js";
import type { ContactNames } from "./contact-names.js";
import type { Past } from "./past.js";

/** An agent that is online. */
export interface AgentEntry {
  readonly name: string;
  readonly displayName: string;
  /** `zmq`, `pan`, … ; the dialect it speaks. */
  readonly dialect: string;
  readonly trust: Trust;
  /** `proxy` for names behind somebody else's socket. */
  readonly via: "proxy" | undefined;
  /** Wall clock since when, milliseconds. */
  readonly since: number;
  /** Connections and sessions that it has now; 0 in its grace period. */
  readonly connections: number;
}

/** Is called as agents come and go, in the order in which `$events` tells it. */
export interface PresenceWatcher {
  /** An agent is listed from now on. */
  online(entry: AgentEntry): void;
  /** The last presence of an agent is gone, whether it was ever listed or not. */
  offline(name: string): void;
}

/** A room as a given viewer may see it. */
export interface RoomEntry {
  readonly name: string;
  /** Those who are away included. */
  readonly members: number;
  /** How many of them are away; absent: none. */
  readonly away?: number;
  readonly inviteOnly: boolean;
  /** It remembers what is said (protocols §10.1). */
  readonly durable?: true;
}

/** A member of a room that is not connected, and is a member all the same (protocols §10.3). */
export interface AwayEntry {
  readonly name: string;
  readonly displayName: string;
}

/** The beginning of a list, by name. */
export interface Beginning<T> {
  readonly items: readonly T[];
  /** There is nothing else on the list. */
  readonly isAll: boolean;
}

/** What everybody may know of who is here. */
export interface Glance {
  readonly agents: Beginning<AgentEntry>;
  /** Public ones. */
  readonly rooms: Beginning<RoomEntry>;
}

/** An agent that connects or logs in. */
export interface Arriving {
  readonly principal: Principal;
  readonly dialect: string;
  /** Whose share its rooms count against; the name itself where that is not known. */
  readonly party?: Party;
  readonly via?: "proxy";
  /** False until dialects may list it (an inferred ZeroMQ name); `show()` raises it. */
  readonly listed?: boolean;
  /** Its connection also speaks for other names. */
  readonly sharing?: boolean;
  /** Its own presence under another name, which departs in the same turn: it takes no place of its own. */
  readonly instead?: Presence;
  /** Its memberships outlive it where the mailbox of its name says so (protocols §10.3): a WebSocket session. */
  readonly mayBeAway?: boolean;
  /** Called when it was put out of a room that was removed to make space; its own topic says why. */
  readonly putOut?: (room: string) => void;
}

/**
 * One connection or session of an agent in the directory. An agent is online while it has at least one, and a member of
 * a room while at least one of them has joined it.
 */
export interface Presence {
  readonly name: string;
  readonly principal: Principal;
  /** Whose share its rooms count against. */
  readonly party: Party;
  readonly rooms: ReadonlySet<string>;
  /** Lists an agent that arrived unlisted, and announces it. */
  show(): void;
  /** The connection is gone. The agent stays online for `graceMs`; if it comes back in that time, no event is sent. */
  depart(graceMs?: number): void;
}

/** A place in what a durable room remembers (protocols §10.2). */
export interface RoomCursor {
  /** Places of different epochs cannot be compared. */
  readonly epoch: string;
  /** `room_seq` of the last message that is known. */
  readonly seq: number;
}

/** What of a room's past is wanted: what follows a cursor, or what was not handed over to this name; or the last. */
export type Wanted =
  | {
      readonly after: RoomCursor | "last";
      readonly max?: number;
      /** Up to this place only: what follows it was told to the asker as it was said. */
      readonly until?: number | undefined;
    }
  | { readonly count: number };

/** What a room remembers of it. */
export interface Recalled {
  /** Oldest first. */
  readonly past: readonly Past[];
  /** Behind which the rest follows: what was said since, or what is said live. Undefined: the room is not durable. */
  readonly next: RoomCursor | undefined;
  /** Something that was said behind the cursor is not remembered, or the cursor is of another epoch. */
  readonly gap: boolean;
  /** More follows behind `next` already. */
  readonly more: boolean;
  /** To be called for each connection that all of it was given to. */
  readonly heardBy: (subscriber: Subscriber) => void;
}

/** How a room is made. */
export interface CreateOptions {
  readonly inviteOnly: boolean;
  /** It remembers what is said, on disk: needs a proved name, or the operator. */
  readonly durable?: Durability | undefined;
}

/** How a room is joined. */
export interface JoinOptions {
  /** Make the room if there is none (PAN, ZeroMQ); else an unknown room is `not-found`. */
  readonly create: boolean;
}

/** How a room is left. */
export interface LeaveOptions {
  /** This connection alone leaves, since it takes another name: who is away under the old one stays a member. */
  readonly renames?: boolean;
}

/** Which agents may have to do with each other (protocols §1.20). */
export interface Contacts {
  /** Whom the operator has approved, whether that counts now or not. */
  readonly book: ContactBook;
  /** Agents that have to do with approved contacts only, while they are away. */
  readonly names: ContactNames;
  /** Agents that were last here in a dialect that seals. */
  readonly sealed: ContactNames;
  /**
   * True if nobody of this name is here, and who was last spoke a dialect that seals: what its like say to it is for its
   * session alone, and no mailbox keeps it.
   */
  isSealedAway(name: string): boolean;
  /** True if some agents have to do with approved contacts only: a dialect says so. */
  readonly isListed: boolean;
  /** True if the agent is listed to its contacts only. */
  isListedName(name: string): boolean;
  /** True if what one of the two says may reach the other, and they may know of each other. */
  mayMeet(one: string, other: string): boolean;
  /**
   * The fault says the same whether `other` is here, away or nobody.
   * @throws Fault forbidden, reason `not approved`
   */
  mustMeet(one: string, other: string): void;
  /** Why what `from` says may not reach the agent `to`; undefined if it may. */
  refusal(from: string, to: string): Fault | undefined;
  /**
   * What `viewer` may see of the listed agents, by name: asked again, the same array until something has changed. Where
   * nobody is kept apart it is the list of all.
   */
  agentsFor(viewer: string): () => readonly AgentEntry[];
}

/**
 * Which agents are online and which rooms exist. Publishes `agent.*` and `room.*` informs on `$events`. Every call
 * decides at once; what gives a right is then kept, and nobody is told of it before (protocols §1.18).
 */
export interface Directory {
  /** Which agents may have to do with each other, and whom an agent may see. */
  readonly contacts: Contacts;
  /** @throws Fault full */
  arrive(arriving: Arriving): Presence;
  /**
   * A session commands under a name of its own (Visualisation §1.4), which is reachable while it is there and otherwise
   * nowhere: in no list, no count, no event. The returned function ends it; a second call does nothing.
   * @throws Fault conflict: another session has the name
   */
  command(name: string): () => void;
  agent(name: string): AgentEntry | undefined;
  /** Has `watcher` see agents come and go; the returned function ends it. */
  watch(watcher: PresenceWatcher): () => void;
  /** True if somebody of this name is online or commands, or a mailbox keeps what is said to it. */
  isReachable(name: string): boolean;
  /** How many presences speak another dialect than ZeroMQ; sessions that command count. */
  readonly nonZmqPresences: number;
  /** Agents that are online, listed or not. */
  readonly agentCount: number;
  /** Rooms of every kind. */
  readonly roomCount: number;
  /** Members of a room, listed or not; 0 if `viewer` may not read the room. */
  memberCount(room: string, viewer: Principal | undefined): number;
  /** All listed agents, by name; what one of them may see is `contacts.agentsFor`. The same array, and the same entry of an agent, until something of it has changed. */
  agents(): readonly AgentEntry[];
  /** Rooms that `viewer` may know of (public ones and those it is a member of or invited to), by name. */
  rooms(viewer: Principal | undefined): readonly RoomEntry[];
  /** Those who came first, at most so many of each. It costs the same however many are here. */
  glance(most: number): Glance;
  /** @throws Fault not-found, forbidden: what `members` throws */
  mustSee(room: string, viewer: Principal | undefined): void;
  /**
   * Members of a room, by name, those who are away included. @throws Fault not-found (also for an outsider of an
   * invite-only room)
   */
  members(room: string, viewer: Principal | undefined): readonly string[];
  /** Those members who are away, by name. @throws Fault as `members` does */
  away(room: string, viewer: Principal | undefined): readonly AwayEntry[];
  /**
   * To be waited for before `join`, if it is something: a membership that is to outlive its connection is on disk before
   * anybody is told of it.
   * @throws Fault what `join` throws, and as a rejection unavailable
   */
  readyToJoin(presence: Presence, room: string, options: JoinOptions): Promise<void> | undefined;
  /**
   * Resolves when what has changed of memberships that outlive this presence is on disk; undefined: it is.
   * @throws Fault unavailable, as a rejection
   */
  kept(presence: Presence): Promise<void> | undefined;
  /**
   * @throws Fault malformed (name), not-found, forbidden (not invited), full. Returns false if it was in the room
   * already.
   */
  join(presence: Presence, room: string, options: JoinOptions): boolean;
  /** @throws Fault malformed, not-found. Returns false if it was not in the room. */
  leave(presence: Presence, room: string, options?: LeaveOptions): boolean;
  /**
   * Makes a room and joins its maker. Resolves when an invite-only or durable one is on disk, and a membership that is to
   * outlive its connection; another is there at once.
   * @throws Fault malformed, conflict, full, forbidden (a claimed name cannot own an invite-only room on ZeroMQ, nor any
   * durable one), and as a rejection unavailable: it could not be kept, and there is no such room
   */
  create(presence: Presence, room: string, options: CreateOptions): Promise<void>;
  /**
   * Makes a room durable, changes how much it remembers, or ends that (false): what it remembers is gone then. Resolves
   * with how it is remembered from now on, when that is on disk.
   * @throws Fault as rejections: malformed, not-found, forbidden (only who made it and the operator decide), conflict,
   * full, unavailable
   */
  keep(room: string, durable: Durability | false, viewer: Principal | undefined): Promise<LogBounds | undefined>;
  /**
   * Lets `agent` into an invite-only room and tells it by an inform of kind `room.invited`. Resolves when the
   * invitation is on disk, and told.
   * @throws Fault not-found, forbidden (only members invite, and only contacts), full, and as a rejection unavailable
   */
  invite(presence: Presence, room: string, agent: string): Promise<void>;
  /** True if `principal` may read the room: it is public, or it is a member or invited. */
  mayHear(principal: Principal | undefined, room: string): boolean;
  /** Why a message to a room is refused, or undefined. */
  refusal(message: Message): Fault | undefined;
  /**
   * What a room remembers. `joining`: for who is about to enter; then a room that is not there has nothing.
   * @throws Fault not-found, forbidden (also: `after: "last"` for a name that is only claimed)
   */
  recall(room: string, wanted: Wanted, viewer: Principal | undefined, joining?: boolean): Recalled;
  /** The last messages of a room, oldest first, at most `count`; none if `viewer` may not read the room. */
  past(room: string, count: number, viewer: Principal | undefined): readonly Past[];
  /** The same, read: work that grows with their bytes, and is to be paid for. @throws Fault not-found, forbidden */
  history(room: string, count: number, viewer: Principal | undefined): readonly Envelope[];
  /** Cancels all timers. */
  close(): void;
}

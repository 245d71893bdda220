import type {
  Content,
  Envelope,
  Limits,
  MessageType,
  Message,
  Outcome,
  Principal,
  Priority,
  RareFields,
  Work,
} from "../core/index.js";
import type { TurnIntent } from "../conversation/conversations.js";
import type { Directory, RoomCursor } from "../directory/directory.js";
import type { Identity } from "../identity/identity.js";
import type { Limiter } from "../identity/limiter.js";
import type { Tables } from "../storage/table.js";
import type { CommandEvent, Telemetry, Webhooks } from "../telemetry/telemetry.js";
import type { Closing, Frame } from "./connection.js";

/** What a session says: the broker adds `from`, `timestamp`, `trust` and, where absent, the id. */
export interface Draft {
  readonly to: string;
  readonly content: Content;
  readonly messageId?: string;
  readonly timestamp?: string;
  readonly priority?: Priority;
  /** The sender's own word for it, where the core has another (protocols §3.9). */
  readonly originalPriority?: string;
  readonly inReplyTo?: string;
  readonly conversationId?: string;
  /** ISO 8601 with its zone; not delivered after it. */
  readonly expiresAt?: string;
  /** What few messages say, as on the wire: `receipt`, `wait_ms`, `accepts` and more. */
  readonly rare?: RareFields;
  /** The frame as it came, for dialects that hand it on byte for byte among their own sessions. */
  readonly raw?: Frame;
  /**
   * The frame (`raw`) is for sessions of this dialect alone, byte for byte: nobody stores, taps or follows the message,
   * and `content` is to hold nothing of it (Agent Network §3.1).
   */
  readonly sealed?: boolean;
  /** Its sender is told that it got through: that its one receiver does not read fast enough is a fault, too. */
  readonly acknowledged?: boolean;
  /** Taps hear it only where somebody hears it whom it is for: of what is refused as `not-found` they hear nothing. */
  readonly discreet?: boolean;
  /** Only taps that may inspect hear it. */
  readonly hidden?: boolean;
  /**
   * It tells what a command of this session has done, and goes out even if the session ended while that was being kept.
   */
  readonly hasHappened?: boolean;
}

/** A draft whose meaning is known. */
export interface TypedDraft extends Draft {
  readonly type: MessageType;
}

/** The services that a dialect may use. */
export interface Services {
  readonly directory: Directory;
  readonly identity: Identity;
  readonly limiter: Limiter;
  /** Tables on disk. Their names are words of a-z 0-9 with - between them, and the dialect's own. */
  readonly tables: Tables;
  /** What this server calls itself. */
  readonly serverName: string;
  /** What is known of agents, of what goes by, and of coordination. */
  readonly telemetry: Telemetry;
  /** POSTs answers where the operator allows it. */
  readonly webhooks: Webhooks;
  /** Writes a line about a command into the audit log. */
  audit(line: CommandEvent): void;
  /**
   * Something that a dialect has once per broker: made when first asked for, the same ever after. The name is the
   * dialect's own: another dialect has another thing under it.
   */
  once<T>(name: string, make: (services: Services) => T): T;
}

/** What the broker answers to a question (protocols §2.1). */
export interface DeskAnswer {
  /** That of the question. */
  readonly kind: string;
  /**
   * `{"message":…,"data":…,"kind":…}`, where `message` is for people and `data` is there if there is something to say. It
   * is text, since a long list is written once for all who ask.
   */
  readonly json: string;
}

/** How a dialect asks the broker. */
export interface AskOptions {
  /** False: `room.join` makes no missing room, as the dialect's own command makes none; it does if nothing is said. */
  readonly createsRooms?: boolean;
  /** False: an answer that could wait for something to happen says at once what there is. */
  readonly waits?: boolean;
}

/** How long a session waits for an answer: at most `timeoutMs`, milliseconds, and not beyond the signal. */
export interface CallOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * The types of one dialect, each under its name. A dialect writes them down once, as an interface of its own, and its
 * rules, sessions, codec and renderer are all checked against it.
 * @example
 * interface Parrot extends DialectTypes { command: Command; event: Event; state: State; phase: "greeting" | "ready" }
 */
export interface DialectTypes {
  /** What a client can say; `type` tells the commands apart. */
  readonly command: { readonly type: string };
  /** What a client can hear. */
  readonly event: unknown;
  /** What the dialect remembers of a session. */
  readonly state: unknown;
  /** The dialect's own words for where a session stands. */
  readonly phase: string;
  /** Its own limits, as `Dialect.limits` fills them in. */
  readonly limits: object;
  /** Its own settings, as `Dialect.settings` fills them in. */
  readonly settings: object;
}

/** A speaker on a connection: what the handlers of its dialect can do for it. */
export interface Session<T extends DialectTypes> {
  readonly id: string;
  readonly remote: string;
  readonly state: T["state"];
  /** The dialect's own word for where the session stands; starts as `Dialect.initialPhase`. */
  phase: T["phase"];
  /** Undefined until `admit`, or `view`: of a viewer, who looks. */
  readonly principal: Principal | undefined;
  readonly services: Services;
  /** The broker's limits and the dialect's own. They can change while the session lives. */
  readonly limits: Limits & T["limits"];
  /** The dialect's own settings. */
  readonly settings: T["settings"];
  /** Bytes not yet written to its socket. */
  readonly backlog: number;
  /** Wall clock, milliseconds. */
  now(): number;
  newId(): string;
  /** Runs once after `ms`, unless the session ends first. The returned function cancels it. */
  after(ms: number, run: () => void): () => void;
  /**
   * Makes the session speak for `principal`: settles conflicts over the name, enters the directory, subscribes its own
   * topic and `all`. `listed: false`: the directory does not show it. Then calls the dialect's `greet`. A
   * name that is proved for the first time is on disk before.
   * @throws Fault conflict, full, unavailable
   */
  admit(principal: Principal, options?: { readonly listed: boolean }): Promise<void>;
  /**
   * Makes the session a viewer (Visualisation §1.4): it has the rights of `principal` and ends with its token, but takes
   * no name, is in no list and no room, and hears no `all`. It says and asks nothing, unless it has a `name` of its own,
   * `control-` and letters, digits, `-` and `_`: under that it asks (`request`, `call`, `ask`) and is answered, as proved,
   * with the principal's agent as its display name, and nobody else hears what is for it. There is no `greet`.
   * @throws Fault conflict (it has logged in already, or another session has the name), forbidden (a name, and a token that
   * others have, too), going-away
   */
  view(principal: Principal, name?: string): Promise<void>;
  /**
   * Raises the proof of the session's own name after a challenge, or takes a newer token of the same owner in place of
   * the one before, without a word to others: its rights and its end are in force from then on. Of a viewer any token of
   * the same owner (`proof`) will do. Resolves when the proof is on disk.
   * @throws Fault conflict (another agent, another owner, or less than it has proved), unavailable
   */
  raise(principal: Principal): Promise<void>;
  /**
   * Takes another name: settles conflicts over it as `admit` does, then hears the new name and not the old one, and
   * stays in the rooms that the new name may enter. Others hear that the old name left and the new one came. Requests
   * that the session waits for under its old name end; it is told so (protocols §1.16).
   * @throws Fault conflict, full, unauthenticated before `admit`
   */
  rename(principal: Principal): Promise<void>;
  /** Sends an event to this session only. */
  send(event: T["event"]): void;
  /** Sends a frame that the dialect has written itself: a list whose text it keeps. */
  sendFrame(frame: Frame): void;
  /**
   * Does work that strangers can make long, such as a list of thousands: now if this turn of the loop has time for it,
   * else in a later turn. Work that returns "more" is called again, in as many turns as it takes. A handler returns what
   * this returns; the session's further commands wait.
   */
  long(work: Work): void | Promise<void>;
  /**
   * Direct text, whose type follows from the conversation (protocols §3.5).
   * @throws Fault not-found, forbidden, timeout
   */
  say(draft: Draft & TurnIntent): Outcome;
  /** @throws Fault not-found, forbidden, timeout */
  publish(draft: TypedDraft): Outcome;
  inform(draft: Draft): Outcome;
  /** A tracked request: its answer arrives by render, or a fault `timeout`. @throws Fault not-found, forbidden, full */
  request(draft: Draft, options?: CallOptions): Outcome;
  respond(request: Envelope, draft: Draft): Outcome;
  /**
   * A request whose answer comes back as a value. Detached: at most `sessionCallsMax` at once.
   * @throws Fault timeout, not-found, full
   */
  call(draft: Draft, options?: CallOptions): Promise<Envelope>;
  /**
   * Asks the broker a question of a kind (protocols §2.1). `answered` sends the answer in the dialect's words; what the
   * session has asked to hear of a room's past follows it. A handler returns what this returns: further commands wait,
   * but not for an answer that waits for something to happen (one at a time), which is refused in the dialect's words,
   * too. What a question costs is taken by the broker, so its rule needs no cost.
   * @throws Fault unauthenticated, unsupported, malformed, forbidden, rate-limited, full, and what the kind throws, now
   * or as a rejection
   */
  ask(
    kind: string,
    data: Readonly<Record<string, unknown>> | undefined,
    answered: (answer: DeskAnswer) => void,
    options?: AskOptions,
  ): void | Promise<void>;
  /**
   * Joins a room and hears it from now on; `history` past messages follow as replays, or those behind the cursor
   * `after`, up to where live begins. "last": behind what was handed over to this name; only durable rooms have cursors.
   * @returns false if it was a member
   * @throws Fault forbidden: "last" for a name that is only claimed
   */
  join(room: string, options: JoinOptions): boolean;
  /**
   * The same in turns: the past is made ready message by message, and follows what `joined` sends. It is paid for by its
   * length before (the engine adds a token for each 64,000 bytes, to `join` as well). A handler returns what this returns.
   * @throws Fault rate-limited, and what `join` throws, now or as a rejection
   */
  joinInTurn(room: string, options: JoinOptions, joined: Joined): void | Promise<void>;
  leave(room: string): boolean;
  /**
   * Runs something once what this session has changed of memberships that outlive it is on disk: what tells of a
   * `leave`, or of a `join` that was not done in turns (protocols §10.3). Nearly always that is at once. A handler
   * returns what this returns.
   * @throws Fault unavailable, as a rejection
   */
  whenKept(run: () => void): void | Promise<void>;
  /**
   * Makes a room and joins it. Resolves when an invite-only one is on disk, and a membership that outlives the session:
   * nothing may be said of it before.
   * @throws Fault malformed, conflict, full, unavailable
   */
  create(room: string, options: { readonly inviteOnly: boolean }): Promise<void>;
  /**
   * Lets an agent into a room. Resolves when that is on disk, and the agent told.
   * @throws Fault not-found, forbidden, full, unavailable
   */
  invite(room: string, agent: string): Promise<void>;
  /** Rooms this session is in: from its login on those in which its agent was while it was away (protocols §10.3). */
  readonly rooms: ReadonlySet<string>;
  /**
   * Hears a topic that is no room and no name (`$events`, a data topic; `$telemetry` with scope `observe` or `inspect`).
   * @throws Fault forbidden, unsupported (the broker has no such topic), full
   */
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  close(closing: Closing): void;
}

/** How a room is joined. */
export interface JoinOptions {
  /** Make the room if there is none; else an unknown room is `not-found`. */
  readonly create: boolean;
  readonly history?: number | undefined;
  readonly after?: RoomCursor | "last" | undefined;
}

/**
 * Called when a session has joined, before it hears anything of the room. `next`: the cursor behind which the rest
 * follows what is told now; undefined if the room has none. `gap`: something behind the cursor is not remembered.
 */
export type Joined = (isNew: boolean, where: { readonly next: RoomCursor | undefined; readonly gap: boolean }) => void;

/** What a rendered message carries besides its envelope. */
export interface RenderMeta {
  readonly message: Message;
  readonly replay: boolean;
  readonly sequence: number;
  /** What the dialect has kept of its own may say more of the message. */
  readonly services: Services;
  /** Wall clock, milliseconds. */
  readonly now: number;
}

import type { Clock } from "../core/clock.js";
import { isUnreferenced, type Envelope, type MessageType } from "../core/envelope.js";
import type { Limits } from "../core/limits.js";
import type { Message } from "../core/message.js";
import { isControlName, topicKind } from "../core/topic.js";
import type { Conversations, Turn, TurnIntent } from "./conversations.js";
import { Pairs } from "./pairs.js";
import type { Requests } from "./requests.js";

/** What is remembered of one direction of a conversation. */
export interface Direction {
  /** Id of the last request that is not answered yet: one slot, no timer. Text that says nothing more answers it. */
  asked: string | undefined;
  /** Monotonic time of that request. */
  askedAt: number;
  /** Ids of the requests before it that are not answered either, oldest first, and their times. */
  readonly earlier: string[];
  readonly earlierAt: number[];
  /** Monotonic time until which further text is part of the answer given last. */
  tailUntil: number;
  /** The request which that answer was for. */
  tailOf: string | undefined;
}

/** A pair of agents that talk to each other, both directions, and its loop guard. */
export interface Conversation {
  /** The direction from the name that sorts first, and the other one. */
  readonly directions: readonly [Direction, Direction];
  /** Ids of the last responses and informs between the two. */
  readonly said: string[];
  speaker: string | undefined;
  turns: number;
  turnAt: number;
  /** Monotonic time until which everything they say is an inform. */
  guardedUntil: number;
  /** What `said` takes in memory, about. */
  bytes: number;
}

/** Ids remembered per pair. */
const saidMax = 16;
/** Open requests remembered per direction beside the last, and the characters of their ids; strangers choose them. */
const earlierMax = 7;
const earlierMaxLength = 256;
/** A request that another one followed counts as open for this long, milliseconds: its answer may have been lost. */
const earlierMs = 300_000;
/** The longest id that is remembered; strangers choose them. */
export const idMaxLength = 128;

/** A conversation without a message. */
export function newConversation(): Conversation {
  return {
    directions: [newDirection(), newDirection()],
    said: [],
    speaker: undefined,
    turns: 0,
    turnAt: 0,
    guardedUntil: 0,
    bytes: 0,
  };
}

/** The speaker's direction and the addressee's. */
export function directionsOf(pair: Conversation, from: string, to: string): readonly [Direction, Direction] {
  const [first, second] = pair.directions;
  return from < to ? [first, second] : [second, first];
}

/** Remembers that a request of this id waits for its answer. */
export function rememberAsked(direction: Direction, messageId: string, now: number): void {
  const { asked, askedAt, earlier, earlierAt } = direction;
  if (messageId.length > idMaxLength) return;
  if (asked !== undefined) {
    earlier.push(asked);
    earlierAt.push(askedAt);
    let length = 0;
    for (const id of earlier) length += id.length;
    while (earlier.length > earlierMax || length > earlierMaxLength) {
      length -= earlier.shift()?.length ?? length;
      earlierAt.shift();
    }
  }
  direction.asked = messageId;
  direction.askedAt = now;
}

/** The oldest open request of this direction; undefined if none is open. */
export function oldestAsked({ asked, earlier, earlierAt }: Direction, now: number): string | undefined {
  const at = earlierAt.findIndex((time) => now - time <= earlierMs);
  return at === -1 ? asked : earlier[at];
}

/** The request of this id is answered, and those before it are no longer waited for. */
export function closeAsked(direction: Direction, messageId: string): void {
  const { earlier, earlierAt } = direction;
  const at = earlier.indexOf(messageId);
  if (at === -1 && messageId !== direction.asked) return;
  if (at === -1) direction.asked = undefined;
  earlier.splice(0, at === -1 ? earlier.length : at + 1);
  earlierAt.splice(0, at === -1 ? earlierAt.length : at + 1);
}

/** Remembers that a message of this id wants no answer. */
export function rememberSaid(pair: Conversation, messageId: string): void {
  if (messageId.length > idMaxLength) return;
  if (pair.said.length === saidMax) pair.bytes -= idBytes(pair.said.shift() ?? "");
  pair.said.push(messageId);
  pair.bytes += idBytes(messageId);
}

/** What an id takes in memory, about. */
function idBytes(id: string): number {
  return 24 + 2 * id.length;
}

/**
 * Counts one turn: a change of speaker within `turnMs` of the last word. Several texts in a row are one turn, so that a
 * message may be counted both when it is said and when it is heard.
 */
export function countTurn(pair: Conversation, speaker: string, now: number, turnMs: number): void {
  if (now - pair.turnAt > turnMs) pair.turns = 0;
  if (pair.speaker !== speaker || pair.turns === 0) pair.turns += 1;
  pair.speaker = speaker;
  pair.turnAt = now;
}

/**
 * True once the pair has taken more than `turnsMax` turns without a pause; never if that is 0, which turns the guard
 * off.
 */
export function isLooping(pair: Conversation, turnsMax: number): boolean {
  return turnsMax > 0 && pair.turns > turnsMax;
}

function newDirection(): Direction {
  return { asked: undefined, askedAt: 0, earlier: [], earlierAt: [], tailUntil: 0, tailOf: undefined };
}

/** Limits, clock and open requests of {@link ConversationsMemory}. */
export interface ConversationsOptions {
  readonly limits: Pick<
    Limits,
    "conversationsMax" | "conversationsMaxBytes" | "answerTailMs" | "loopTurnsMax" | "loopTurnMs" | "loopGuardMs"
  >;
  readonly clock: Clock;
  /** The requests that somebody waits for; an answer goes to the oldest of them first. */
  readonly requests: Pick<Requests, "pending">;
  /**
   * The oldest request from `to` that came into the mailbox of `from` and is not answered yet; undefined if there is
   * none.
   */
  readonly stored?: (from: string, to: string) => string | undefined;
}

/**
 * Conversations in memory: per pair of agents one open soft request each way, the tail of an answer, and the loop
 * guard.
 */
export class ConversationsMemory implements Conversations {
  readonly #pairs: Pairs<Conversation>;
  readonly #options: ConversationsOptions;

  constructor(options: ConversationsOptions) {
    this.#options = options;
    this.#pairs = new Pairs(options.limits, newConversation);
  }

  /** Pairs that are followed now. */
  get size(): number {
    return this.#pairs.size;
  }

  turn(from: string, to: string, said: TurnIntent, origin?: object): Turn {
    if (from === to)
      return { type: said.intent ?? "inform", ...(said.replyTo !== undefined && { in_reply_to: said.replyTo }) };
    if (said.intent === "inform" && said.replyTo === undefined) return { type: "inform" };
    const { limits, clock } = this.#options;
    const now = clock.monotonic();
    const pair = this.#pairs.of(from, to, origin);
    const meant = this.#meaning(from, to, said, pair, now);
    // A session that commands answers nothing by itself: however often it is answered, nobody is in a loop.
    if (meant.type === "inform" || isControlName(to)) return meant;
    const guarded = now < pair.guardedUntil;
    if (!guarded) {
      countTurn(pair, from, now, limits.loopTurnMs);
      if (!isLooping(pair, limits.loopTurnsMax)) return meant;
      pair.guardedUntil = now + limits.loopGuardMs;
      pair.turns = 0;
    }
    return { ...meant, type: "inform", ...(!guarded && { looping: true as const }) };
  }

  answered(from: string, to: string): string | undefined {
    const stored = this.#options.stored?.(from, to);
    if (stored !== undefined) return stored;
    const tracked = this.#options.requests.pending(to, from);
    if (tracked !== undefined) return tracked.messageId;
    const pair = this.#pairs.find(from, to);
    if (pair === undefined) return undefined;
    return oldestAsked(directionsOf(pair, to, from)[0], this.#options.clock.monotonic());
  }

  heard(envelope: Envelope, message?: Pick<Message, "origin">): void {
    const { from, to, type } = envelope;
    // Those who spoke last are agents.
    if (!this.#pairs.isLast(from, to) && (from === to || !isAgent(to) || !isAgent(from))) return;
    const { limits, clock } = this.#options;
    const now = clock.monotonic();
    const pair = this.#pairs.of(from, to, message?.origin);
    const [speaker, addressee] = directionsOf(pair, from, to);
    addressee.tailUntil = 0;
    if (type !== "inform") countTurn(pair, from, now, limits.loopTurnMs);
    if (type === "request") {
      rememberAsked(speaker, envelope.message_id, now);
      return;
    }
    rememberSaid(pair, envelope.message_id);
    if (type === "inform") return;
    const answered = isUnreferenced(envelope) ? addressee.asked : envelope.in_reply_to;
    if (answered !== undefined) closeAsked(addressee, answered);
    speaker.tailUntil = now + limits.answerTailMs;
    speaker.tailOf = answered !== undefined && answered.length <= idMaxLength ? answered : undefined;
  }

  #meaning(from: string, to: string, said: TurnIntent, pair: Conversation, now: number): Turn {
    const { intent, replyTo } = said;
    const [speaker, addressee] = directionsOf(pair, from, to);
    if (replyTo !== undefined) {
      const settled = pair.said.includes(replyTo);
      // An answer to what is no request would be answered in its turn; a new question about it may be asked.
      return turnOf(settled && intent !== "request" ? "inform" : (intent ?? "response"), replyTo);
    }
    if (intent !== undefined) return turnOf(intent, intent === "response" ? this.answered(from, to) : undefined);
    const { requests, stored } = this.#options;
    const asked = stored?.(from, to) ?? requests.pending(to, from)?.messageId ?? addressee.asked;
    if (asked !== undefined) return turnOf("response", asked);
    return now < speaker.tailUntil ? turnOf("inform", speaker.tailOf) : turnOf("request", undefined);
  }
}

function turnOf(type: MessageType, inReplyTo: string | undefined): Turn {
  return inReplyTo === undefined ? { type } : { type, in_reply_to: inReplyTo };
}

function isAgent(name: string): boolean {
  return topicKind(name) === "agent";
}

/** What is remembered of one direction of a pair's conversation. */
export interface Direction {
  /** Id of the last request that is not answered yet: one slot, no timer. */
  asked: string | undefined;
  /** Monotonic time until which further text is part of the answer given last. */
  tailUntil: number;
  /** The request which that answer was for. */
  tailOf: string | undefined;
}

/** A pair of agents that talk to each other, both directions, and its loop guard. */
export interface Conversation {
  /** The side of the name that sorts first, and the other. */
  readonly directions: readonly [Direction, Direction];
  /** Ids of the last responses and informs between the two. */
  readonly said: string[];
  speaker: string | undefined;
  turns: number;
  turnAt: number;
  /** Monotonic time until which everything they say is an inform. */
  guardedUntil: number;
}

/** Ids remembered per pair. */
const saidMax = 16;
/** The longest id that is remembered; strangers choose them. */
export const idMaxLength = 128;

/** A pair that has not talked yet. */
export function newConversation(): Conversation {
  return {
    directions: [newDirection(), newDirection()],
    said: [],
    speaker: undefined,
    turns: 0,
    turnAt: 0,
    guardedUntil: 0,
  };
}

/** The speaker's side and the addressee's. */
export function directionsOf(pair: Conversation, from: string, to: string): readonly [Direction, Direction] {
  const [first, second] = pair.directions;
  return from < to ? [first, second] : [second, first];
}

/** Remembers that a message of this id wants no answer. */
export function rememberSaid(pair: Conversation, messageId: string): void {
  if (messageId.length > idMaxLength) return;
  if (pair.said.length === saidMax) pair.said.shift();
  pair.said.push(messageId);
}

/**
 * Counts one turn: a change of speaker within `turnMs` of the last word. Several texts in a row are one turn, so that a
 * message may be
 * counted both when it is said and when it is heard.
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
  return { asked: undefined, tailUntil: 0, tailOf: undefined };
}

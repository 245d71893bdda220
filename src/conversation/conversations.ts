import type { Envelope, MessageType } from "../core/envelope.js";
import type { Message } from "../core/message.js";

/** What a dialect's direct text becomes. */
export interface Turn {
  readonly type: MessageType;
  readonly in_reply_to?: string;
  /** The loop guard has just tripped: both are to be told once. */
  readonly looping?: true;
}

/** What the speaker itself said about the text. */
export interface TurnIntent {
  readonly intent?: MessageType;
  readonly replyTo?: string;
}

/**
 * Who owes whom an answer, per ordered pair of agents. With it, plain text of a dialect without message types becomes
 * `request`, `response` or `inform`. The loop guard watches the same pairs (20 turns within 10 s of each other).
 */
export interface Conversations {
  /**
   * The meaning of a direct text from `from` to `to`, before it is routed. Counts it as a turn. A pair that is new is
   * counted as that of `origin`, the connection or session that speaks.
   */
  turn(from: string, to: string, said: TurnIntent, origin?: object): Turn;
  /**
   * The oldest open request from `to` to `from`: what a response from `from` answers that does not say it (protocols
   * §3.2). Undefined if none is open.
   */
  answered(from: string, to: string): string | undefined;
  /**
   * Notes a routed message between two agents: a request opens a slot, a response closes it, any word ends an answer's
   * tail. `message.origin`: whose the pair is if it is new.
   */
  heard(envelope: Envelope, message?: Pick<Message, "origin">): void;
}

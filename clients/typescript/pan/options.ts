import type { AnswerEvent, ChatEvent, deliveryStates, ErrorEvent, SystemEvent } from "../../../bridges/pan/schema.js";
import type { ReadOn } from "../shared/joined-rooms.js";
import type { QuestionData } from "../shared/questions.js";

/** How a PAN client reaches its server. */
export interface PanClientOptions {
  /** `ws://127.0.0.1:8080/pan` */
  readonly url: string;
  readonly agentId: string;
  /** A name for people; the agentId when absent. */
  readonly name?: string;
  readonly token: string;
  /**
   * Opens the agent's mailbox at each login (PAN §14.1): true, or the fields of `mailbox.open`, such as `keep_s`, or
   * `rooms: true`: the agent stays in its rooms while it is away (PAN §14.6). Wants a token of the agent's own. What becomes of it is told by the event `mailbox`, or `refused`.
   */
  readonly mailbox?: true | QuestionData;
  /** How long a call waits for its answer, milliseconds. */
  readonly answerTimeoutMs?: number;
  /** Connects again by itself when the connection is lost. */
  readonly reconnect?: boolean;
  /**
   * After how long without a word of the server the line is asked for a sign of life, and after as long again ended as
   * lost, milliseconds; 0: never.
   */
  readonly silentMs?: number;
}

/** How a room is joined: `history` asks for its last messages, `after` for all that follows a place there. */
export interface JoinOptions extends Partial<ReadOn> {
  readonly history?: number;
}

/** What a chat may carry beside its text. */
export interface SayOptions {
  readonly messageId?: string;
  readonly intent?: "request" | "response" | "inform";
  readonly replyTo?: string;
  readonly data?: unknown;
  readonly priority?: string;
  /** Asks to be told when a mailbox has stored it, and when it is settled. */
  readonly receipt?: boolean;
  /** It goes into no mailbox. */
  readonly ephemeral?: boolean;
  /** Not delivered after it: ISO 8601 with its zone. */
  readonly expiresAt?: string;
}

/** What the broker answers to a question: `message` is for people, `data` for programs. */
export type PanAnswer = Pick<AnswerEvent, "kind" | "message"> & { readonly data: unknown };

/** What became of messages that were said with `receipt: true` (PAN §14.3). */
export interface Delivery {
  readonly messageIds: readonly string[];
  readonly state: (typeof deliveryStates)[number];
  /** For people. */
  readonly message: string;
  /** Why they are refused, expired or dead. */
  readonly reason?: string;
  /** `stored`: until when they are delivered; ISO 8601, UTC. */
  readonly until?: string;
}

/** A refusal that answers no call; `room` is the one that could not be joined again after a reconnect. */
export type Refused = ErrorEvent & { readonly room?: string };

/** What a client tells: chats, notices, refusals of what was said, and the state of its connection. */
export interface PanClientEvents {
  chat: [ChatEvent];
  /** Notices of the server, but for deliveries. */
  system: [SystemEvent];
  /** What a mailbox did with what was said with `receipt: true`. */
  delivery: [Delivery];
  /** The mailbox is open; told after each login, with what `mailbox.open` answers. */
  mailbox: [PanAnswer];
  /**
   * An error that answers no call: a chat refused, a message not answered, the loop guard. Also, told by the client
   * itself: a room that could not be joined again (`room`), and INTERNAL for a frame of the server that is not PAN.
   */
  refused: [Refused];
  /** A room that was joined with `after` is joined again, and something that was said there meanwhile is lost. */
  gap: [{ readonly room: string }];
  /** Logged in and, after a reconnect, back in the rooms. */
  open: [];
  /**
   * The connection was lost or closed after the welcome, or reconnecting was given up; attempts that fail tell
   * `reconnecting` only.
   */
  close: [{ readonly code: number; readonly reason: string }];
  reconnecting: [{ readonly inMs: number }];
}

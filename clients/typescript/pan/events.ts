import type { ChatEvent, ErrorEvent, SystemEvent } from "../../../bridges/pan/schema.js";

/** How a PAN client reaches its server. */
export interface PanClientOptions {
  /** `ws://127.0.0.1:8080/pan` */
  readonly url: string;
  readonly agentId: string;
  /** A name for people; the agentId when absent. */
  readonly name?: string;
  readonly token: string;
  /** How long a call waits for its answer, milliseconds. */
  readonly answerTimeoutMs?: number;
  /** Connects again by itself when the line is lost. */
  readonly reconnect?: boolean;
}

/** What a chat may carry beside its text. */
export interface SayOptions {
  readonly messageId?: string;
  readonly intent?: "request" | "response" | "inform";
  readonly replyTo?: string;
  readonly data?: unknown;
  readonly priority?: string;
}

/** A refusal that answers no call; `room` is the one that could not be joined again after a reconnect. */
export type Refused = ErrorEvent & { readonly room?: string };

/** What a client tells: chats, notices, refusals of what was said, and the state of its line. */
export interface PanClientEvents {
  chat: [ChatEvent];
  system: [SystemEvent];
  /**
   * An error that answers no call: a chat refused, a message not answered, the loop guard. Also, told by the client
   * itself: a room that could
   * not be joined again (`room`), and INTERNAL for a frame of the server that is not PAN.
   */
  refused: [Refused];
  /** Logged in and, after a reconnect, back in the rooms. */
  open: [];
  /**
   * The line was lost or closed after the welcome, or coming back was given up; attempts that fail tell `reconnecting`
   * only.
   */
  close: [{ readonly code: number; readonly reason: string }];
  reconnecting: [{ readonly inMs: number }];
}

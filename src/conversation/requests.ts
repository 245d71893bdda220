import type { Envelope } from "../core/envelope.js";

/** A request that somebody waits for. */
export interface OpenRequest {
  readonly from: string;
  readonly to: string;
  readonly messageId: string;
  /** Whose limit it counts against, where `from` is only claimed: the connection. `from` when absent. */
  readonly owner?: string;
  /** Until when, milliseconds from now; `requestTimeoutMs` when absent. */
  readonly timeoutMs?: number;
  /** Called once with the first answer. */
  readonly answered?: (answer: Envelope) => void;
  /** Called once when nobody answered in time; `overdue` says what is known of it. */
  readonly timedOut?: (overdue: Overdue) => void;
}

/** What is known of a request that was not answered in time. */
export interface Overdue {
  /** For people: whether it got there, and whether an answer may still come. */
  readonly message: string;
  /** The same for programs. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/**
 * Requests whose sender expects an answer, keyed by `(from, message_id)`. Ids are sometimes used twice, so the oldest
 * open request comes first.
 */
export interface Requests {
  /** @throws Fault full. Returns a function that withdraws it. */
  open(request: OpenRequest): () => void;
  /**
   * Closes the request that a response answers: by `in_reply_to`, else the oldest open one from `answer.to` to
   * `answer.from`.
   * @returns whether there was one
   */
  answer(answer: Envelope): boolean;
  /** The request open from `from` to `to`, oldest first. */
  pending(from: string, to: string): OpenRequest | undefined;
  readonly size: number;
  close(): void;
}

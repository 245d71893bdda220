import type { Closing, Frame, Receiver } from "../../dialect/index.js";

/** What becomes of what a transport tells of a session; one for all sessions of a dialect. */
export interface SessionCare<S> {
  oversized(session: S, frame: Frame): void;
  drained(session: S): void;
  stuck(session: S): void;
  closed(session: S, closing: Closing): void;
}

/** What a receiver hands frames to. */
interface CommandQueue {
  take(frame: Frame): void;
  /** The peer has read its answers. */
  drained(): void;
}

/**
 * The receiver of one connection: a session, its inbox, and nothing of its own. 10,000 sessions are open at once;
 * functions made for each would be a fifth of what they hold.
 */
export class SessionReceiver<S> implements Receiver {
  readonly #care: SessionCare<S>;
  readonly #session: S;
  readonly #inbox: CommandQueue;

  constructor(care: SessionCare<S>, session: S, inbox: CommandQueue) {
    this.#care = care;
    this.#session = session;
    this.#inbox = inbox;
  }

  frame(frame: Frame): void {
    this.#inbox.take(frame);
  }

  oversized(frame: Frame): void {
    this.#care.oversized(this.#session, frame);
  }

  drained(): void {
    this.#care.drained(this.#session);
    this.#inbox.drained();
  }

  stuck(): void {
    this.#care.stuck(this.#session);
  }

  closed(closing: Closing): void {
    this.#care.closed(this.#session, closing);
  }
}

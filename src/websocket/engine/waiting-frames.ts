import type { Backlog, BacklogTotal, Limits } from "../../core/index.js";
import type { Connection, Frame, Receiver } from "../../dialect/index.js";

/** What all loops share. */
export interface FramesOwner {
  readonly limits: Pick<Limits, "sessionQueueMax" | "wsFrameMaxBytes" | "wsBacklogMaxBytes">;
  /** The bytes that wait of all connections; those that wait here count, too. */
  readonly total: Pick<BacklogTotal, "take" | "release" | "leave">;
}

/** Whose frames they are. `principal`: it has logged in, and more of it may wait. */
export interface FramesSession {
  readonly connection: Pick<Connection, "pauseReading" | "resumeReading">;
  readonly principal: object | undefined;
}

/** What a frame that waits takes beside its bytes: an object and a place in the queue. */
const frameBytes = 32;

/**
 * Frames of one connection that wait, undecoded, for those before them, and what is to run between them. When many wait,
 * the socket is not read: the peer waits, and nothing is lost.
 */
export class WaitingFrames implements Backlog {
  // Fields of its own, and nothing made for them: every connection has one of these.
  readonly #owner: FramesOwner;
  readonly #session: FramesSession;
  readonly #loop: Pick<Receiver, "stuck">;
  readonly #waiting: (Frame | (() => void))[] = [];
  #bytes = 0;
  /** So much waits that nothing more is read. */
  #isHolding = false;

  /** @param loop is told when so much waits in all that the largest has to go */
  constructor(owner: FramesOwner, session: FramesSession, loop: Pick<Receiver, "stuck">) {
    this.#owner = owner;
    this.#session = session;
    this.#loop = loop;
  }

  /** Frames, and what is to run behind those before it. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Frames alone. */
  get frames(): number {
    return this.#waiting.filter((one) => typeof one !== "function").length;
  }

  /** Bytes of the frames that wait. */
  get buffered(): number {
    return this.#bytes;
  }

  evict(): void {
    this.#loop.stuck?.();
  }

  /** Behind what is read now one chunk of the socket may still come: 64 KiB, 8,192 frames at most. */
  add(frame: Frame): void {
    const { limits, total } = this.#owner;
    const { connection, principal } = this.#session;
    const bytes = frame.length + frameBytes;
    this.#waiting.push(frame);
    this.#bytes += bytes;
    total.take(this, bytes);
    const maxBytes = principal === undefined ? limits.wsFrameMaxBytes : limits.wsBacklogMaxBytes;
    if (this.#isHolding || (this.#waiting.length < limits.sessionQueueMax && this.#bytes < maxBytes / 2)) return;
    this.#isHolding = true;
    connection.pauseReading();
  }

  /** Runs something behind all that waits now. */
  behind(run: () => void): void {
    this.#waiting.push(run);
  }

  /** The next one; undefined if none waits. */
  next(): Frame | (() => void) | undefined {
    const next = this.#waiting.shift();
    if (next === undefined || typeof next === "function") return next;
    const bytes = next.length + frameBytes;
    this.#bytes -= bytes;
    this.#owner.total.release(bytes);
    return next;
  }

  /** Reads from the peer again, if it was held up and nothing waits any more. */
  letGo(): void {
    if (!this.#isHolding || this.#waiting.length > 0) return;
    this.#isHolding = false;
    this.#session.connection.resumeReading();
  }

  /** Forgets all. */
  end(): void {
    const { total } = this.#owner;
    this.#waiting.length = 0;
    const bytes = this.#bytes;
    this.#bytes = 0;
    total.release(bytes);
    total.leave(this);
  }
}

import type { NetworkFrame } from "./frames.js";

/** So many frames are remembered. */
const loggedMax = 1_000;
/** Longer names are cut: what a stranger chooses has a bound. */
const nameMax = 256;

/** One frame that was said or heard: who, what and when; never what it says (Agent Network §14.4). */
export interface LoggedFrame {
  readonly direction: "SENT" | "RECEIVED";
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly messageId: string;
  readonly conversationId: string;
  readonly senderId: string;
  readonly recipientId: string;
  readonly messageType: string;
  /** What is sealed in it, as its sender says. */
  readonly originalType?: string;
  /** Bytes or characters on the line. */
  readonly size: number;
}

/** What is read of a frame. */
export type FrameToLog = Omit<NetworkFrame, "timestamp" | "metadata">;

/** The last frames of a client, for diagnosis: what the document calls `messageLog`, without content. */
export class MessageLog {
  readonly #now: () => number;
  #frames: LoggedFrame[] = [];
  /** Where the oldest one stands, once there are as many as there may be. */
  #oldest = 0;

  /** @param now wall clock, milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** @param size of the frame on the line */
  add(direction: LoggedFrame["direction"], frame: FrameToLog, size: number): void {
    const originalType = frame.messageType === "ENCRYPTED" ? frame.content["originalType"] : undefined;
    const logged: LoggedFrame = {
      direction,
      at: this.#now(),
      messageId: cut(frame.messageId),
      conversationId: cut(frame.conversationId),
      senderId: cut(frame.senderId),
      recipientId: cut(frame.recipientId),
      messageType: cut(frame.messageType),
      ...(typeof originalType === "string" && { originalType: cut(originalType) }),
      size,
    };
    if (this.#frames.length < loggedMax) this.#frames.push(logged);
    else {
      this.#frames[this.#oldest] = logged;
      this.#oldest = (this.#oldest + 1) % loggedMax;
    }
  }

  /** The oldest first. */
  read(): readonly LoggedFrame[] {
    return [...this.#frames.slice(this.#oldest), ...this.#frames.slice(0, this.#oldest)];
  }

  clear(): void {
    this.#frames = [];
    this.#oldest = 0;
  }
}

function cut(name: string): string {
  return name.length > nameMax ? name.slice(0, nameMax) : name;
}

import type { Ledger } from "../../core/index.js";

/** What a pause needs of its connection. */
export interface PausedReading {
  /** Stops and goes on reading from the peer. */
  readonly ws: { pause(): void; resume(): void };
  readonly ledger: Pick<Ledger, "count">;
}

/** Why nothing is read from a peer: it does not read its answers, or what it said before is still to be heard. */
export class ReadingPause {
  readonly #reading: PausedReading;
  #answers: "read" | "unread" = "read";
  #words: "heard" | "waiting" = "heard";

  constructor(reading: PausedReading) {
    this.#reading = reading;
  }

  /** True while nothing stands against reading. */
  get isOver(): boolean {
    return this.#answers === "read" && this.#words === "heard";
  }

  /** What it said before waits already. */
  get isHeld(): boolean {
    return this.#words === "waiting";
  }

  /** Its answers are unread. */
  answersUnread(): void {
    if (this.#answers === "unread") return;
    this.#answers = "unread";
    this.#reading.ledger.count("ws-reader-paused");
    this.#reading.ws.pause();
  }

  answersRead(): void {
    if (this.#answers === "read") return;
    this.#answers = "read";
    if (this.isOver) this.#reading.ws.resume();
  }

  /** So much of what it said waits that nothing more is read. */
  hold(): void {
    if (this.isHeld) return;
    this.#words = "waiting";
    this.#reading.ledger.count("ws-reader-held");
    this.#reading.ws.pause();
  }

  letGo(): void {
    if (!this.isHeld) return;
    this.#words = "heard";
    if (this.isOver) this.#reading.ws.resume();
  }
}

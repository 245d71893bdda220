/** What the PING behind a message costs at our server, whose message costs 1. */
const pingShare = 0.1;

/**
 * Says when the next message may go. Nobody tells a client the server's rate, so nothing is held back until the server
 * has refused a message; from then on its refusals tell
 * how many it takes at once and how often one more. Times are milliseconds of a clock that never goes back.
 */
export class Pace {
  #phase: "free" | "paced" = "free";
  /** Messages that went since the server's bucket was full (free), or since it held exactly one (paced). */
  #sent = 0;
  /** Once paced: what the server takes at once, and how long it takes to make room for one more. */
  #burst = 1;
  #intervalMs = 0;
  /** Once paced: when the bucket held, or will hold, exactly one message, by the last refusal. */
  #roomAt = 0;
  #nextAt = 0;

  /** Takes the next turn. @returns 0, or in how many milliseconds it may be tried again */
  take(now: number): number {
    // the bucket is full again
    if (this.#phase === "paced" && now - this.#nextAt >= this.#burst * this.#intervalMs) this.#begin();
    if (this.#phase === "paced") {
      if (now < this.#nextAt) return Math.ceil(this.#nextAt - now);
      this.#nextAt += this.#intervalMs;
    }
    this.#sent += 1;
    return 0;
  }

  /** The message of the last turn was refused, and can go in `afterMs`. */
  refused(now: number, afterMs: number): void {
    const taken = this.#sent - 1;
    const roomAt = now + afterMs;
    if (this.#phase === "free") {
      this.#burst = Math.max(1, taken);
      this.#intervalMs = afterMs; // at least: the bucket was not quite empty, perhaps
    } else {
      // Between two moments at which it held one message, the server has made room for those that went with their
      // PINGs, and for the PING behind the refused one.
      const room = taken * (1 + pingShare) + pingShare;
      const measured = ((roomAt - this.#roomAt) * (1 + pingShare)) / room;
      this.#intervalMs = Math.max(afterMs, measured, taken === 0 ? this.#intervalMs : 0);
    }
    this.#phase = "paced";
    this.#roomAt = roomAt;
    this.#nextAt = roomAt + this.#intervalMs * pingShare;
    this.#sent = 0;
  }

  #begin(): void {
    this.#phase = "free";
    this.#sent = 0;
  }
}

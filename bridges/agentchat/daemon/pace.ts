/** The server's rate (seed 001): 10 at once, then 1 a second. What is sent costs a message and the ping that confirms it. */
const burst = 10;
const perMs = 1 / 1_000;

/** Says when the next message may go, so that the server has no reason to refuse it. Times are milliseconds of a clock that never goes back. */
export class Pace {
  #tokens = burst;
  #at: number | undefined;
  #pausedUntil = 0;

  /** Takes `cost`. @returns 0, or in how many milliseconds it may be tried again */
  take(now: number, cost: number): number {
    if (now < this.#pausedUntil) return this.#pausedUntil - now;
    this.#tokens = Math.min(burst, this.#tokens + (now - (this.#at ?? now)) * perMs);
    this.#at = now;
    if (this.#tokens < cost) return Math.ceil((cost - this.#tokens) / perMs);
    this.#tokens -= cost;
    return 0;
  }

  /** The server said when it will listen again. */
  pause(now: number, forMs: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, now + forMs);
    this.#tokens = 0;
    this.#at = now;
  }
}

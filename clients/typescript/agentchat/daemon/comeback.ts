const firstMs = 15_000;
const longestMs = 5 * 60_000;
/** A connection that was ready for this long was no turn of two programs that displace each other. */
const steadyMs = 2 * longestMs;

/**
 * How long a daemon stays away after another session of its identity has displaced it (AgentChat §9.8): 15 s, and each
 * time twice as long, up to 5 minutes, so that two programs with one identity do not displace each other all the time.
 */
export class Comeback {
  readonly #now: () => number;
  #nextMs = firstMs;
  #readyAt = 0;

  /** @param now milliseconds of a clock that never goes back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** A connection is ready. */
  ready(): void {
    this.#readyAt = this.#now();
  }

  /** It was displaced. @returns milliseconds until the next attempt */
  next(): number {
    if (this.#now() - this.#readyAt >= steadyMs) this.#nextMs = firstMs;
    const ms = this.#nextMs;
    this.#nextMs = Math.min(2 * ms, longestMs);
    return ms;
  }
}

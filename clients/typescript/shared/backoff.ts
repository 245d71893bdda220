const firstMs = 1_000;
const growth = 1.5;
const longestMs = 30_000;

/**
 * Waits before each attempt to connect again: none before the first attempt, then 1 s × 1.5 up to 30 s. Each wait is
 * longer or shorter by up to a fifth, so that clients which lost the same server do not all come back at the same
 * moment.
 */
export class Backoff {
  readonly #steadyMs: number;
  readonly #random: () => number;
  readonly #now: () => number;
  #attempt = 0;
  #readyAt = 0;

  /**
   * @param steadyMs how long a connection must have been ready, so that the next loss is tried again at once; 0: every
   * connection that was ready. With more, a server that welcomes and hangs up is not asked again without a pause.
   * @param random 0 ≤ n < 1, as Math.random
   * @param now milliseconds of a clock that never goes back
   */
  constructor(steadyMs: number, random: () => number = Math.random, now: () => number = () => performance.now()) {
    this.#steadyMs = steadyMs;
    this.#random = random;
    this.#now = now;
  }

  /** Milliseconds until the next attempt. */
  next(): number {
    const attempt = this.#attempt;
    this.#attempt += 1;
    if (attempt === 0) return 0;
    const plain = Math.min(firstMs * growth ** (attempt - 1), longestMs);
    return Math.min(plain * (0.8 + 0.4 * this.#random()), longestMs);
  }

  /** A connection is ready. */
  ready(): void {
    this.#readyAt = this.#now();
  }

  /** The connection that was ready is lost: if it was ready for long enough, the waits start anew. */
  lost(): void {
    if (this.#now() - this.#readyAt >= this.#steadyMs) this.#attempt = 0;
  }
}

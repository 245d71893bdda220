/** A connection that lived this long was a good one, milliseconds. */
const steadyMs = 10_000;
const firstMs = 1_000;
const growth = 1.5;
const longestMs = 30_000;

/**
 * Waits before each attempt to come back: none before the first, then 1 s × 1.5 up to 30 s, each moved by up to a fifth
 * so that clients do not come back together.
 * Only a connection that held starts it anew: a server that welcomes and hangs up is not asked without a pause.
 */
export class Backoff {
  readonly #random: () => number;
  #attempt = 0;

  /** @param random 0 ≤ n < 1, as Math.random */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Milliseconds until the next attempt. */
  next(): number {
    const attempt = this.#attempt;
    this.#attempt += 1;
    if (attempt === 0) return 0;
    const plain = Math.min(firstMs * growth ** (attempt - 1), longestMs);
    return Math.min(plain * (0.8 + 0.4 * this.#random()), longestMs);
  }

  /** A connection was lost that had been ready for `aliveMs`. */
  lost(aliveMs: number): void {
    if (aliveMs >= steadyMs) this.#attempt = 0;
  }
}

/**
 * Waits between attempts to connect: none before the first, then 1 s × 1.5 up to 30 s, each moved by up to a fifth so
 * that clients do not come back together.
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
    const plain = Math.min(1_000 * 1.5 ** (attempt - 1), 30_000);
    return Math.min(plain * (0.8 + 0.4 * this.#random()), 30_000);
  }

  /** A connection held and has its rooms again: the next loss is tried at once again. */
  reset(): void {
    this.#attempt = 0;
  }
}

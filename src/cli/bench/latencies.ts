/** Each bucket is this much wider than the one before: what is told is right within 2 %. */
const growth = 1.02;
const buckets = 1_024; // up to 630 s

/** Latencies, any number of them in the same memory. */
export class Latencies {
  readonly #counts = new Uint32Array(buckets);
  #count = 0;
  #maxMs = 0;

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** The longest, milliseconds. */
  get maxMs(): number {
    return this.#maxMs;
  }

  add(ms: number): void {
    const at = Math.min(buckets - 1, Math.max(0, Math.ceil(Math.log(ms * 1_000) / Math.log(growth))));
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#count += 1;
    this.#maxMs = Math.max(this.#maxMs, ms);
  }

  /** The latency that this share of them does not exceed, milliseconds; undefined if there are none. */
  quantile(share: number): number | undefined {
    let left = share * this.#count;
    for (const [at, count] of this.#counts.entries()) {
      left -= count;
      if (count > 0 && left <= 0) return Math.min(growth ** at / 1_000, this.#maxMs);
    }
    return undefined;
  }
}

import type { Clock, Limits } from "../core/index.js";
import type { Limiter, Rate } from "./limiter.js";

/**
 * Tokens are fractions. If less than this is missing, the bucket counts as full enough, so that a wait that is exact to
 * the millisecond succeeds.
 */
const rounding = 1e-6;

interface Bucket {
  tokens: number;
  /** Monotonic time of `tokens`, pauses of our loop included. */
  at: number;
}

/** Bound and clock of {@link LimiterMemory}. */
export interface LimiterOptions {
  readonly limits: Pick<Limits, "bucketsMax">;
  readonly clock: Clock;
}

/**
 * Token buckets in memory. A rate of 0 per second is off: everything passes. For a moment after a pause of our loop
 * each bucket holds what has flowed meanwhile on top (protocols §0.10).
 */
export class LimiterMemory implements Limiter {
  // bound: bucketsMax, keys of a few words and a name · evicts: the bucket that has not been used longest, which by
  // then is full again · owner: LimiterMemory
  readonly #buckets = new Map<string, Bucket>();
  readonly #options: LimiterOptions;

  constructor(options: LimiterOptions) {
    this.#options = options;
  }

  /** Buckets kept now. */
  get size(): number {
    return this.#buckets.size;
  }

  take(key: string, rate: Rate, cost = 1): number {
    return this.#spend(key, rate, cost, true);
  }

  ask(key: string, rate: Rate, cost = 1): number {
    return this.#spend(key, rate, cost, false);
  }

  copy(from: string, to: string): void {
    const known = this.#buckets.get(from);
    if (known !== undefined) this.#keep(to, { ...known });
  }

  forget(key: string): void {
    this.#buckets.delete(key);
  }

  #spend(key: string, rate: Rate, cost: number, taking: boolean): number {
    // A number that is none would stay in the bucket and open it for ever.
    if (!(rate.perSecond >= 0 && rate.burst >= 0 && cost >= 0))
      throw new RangeError(`no rate: ${rate.perSecond} per second, burst ${rate.burst}, cost ${cost}`);
    if (rate.perSecond === 0) return 0;
    const { clock } = this.#options;
    // A rate is about the time of others: what they said while our loop stood still is read all at once.
    const now = clock.monotonic() + clock.missed();
    const most = rate.burst + (clock.catchingUp() * rate.perSecond) / 1000;
    const bucket = this.#bucket(key, most, now);
    bucket.tokens = Math.min(most, bucket.tokens + ((now - bucket.at) * rate.perSecond) / 1000);
    bucket.at = now;
    // What costs more than the bucket holds passes when the bucket is full, else it never would.
    const needed = Math.min(cost, rate.burst);
    const missing = needed - bucket.tokens;
    if (missing <= rounding) {
      if (taking) bucket.tokens = Math.max(0, -missing);
      return 0;
    }
    return Math.ceil(((missing - rounding) * 1000) / rate.perSecond);
  }

  /** The key's bucket, moved to the end of the Map, whose first entry is evicted next. */
  #bucket(key: string, full: number, now: number): Bucket {
    const bucket = this.#buckets.get(key) ?? { tokens: full, at: now };
    this.#keep(key, bucket);
    return bucket;
  }

  #keep(key: string, bucket: Bucket): void {
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > this.#options.limits.bucketsMax) {
      const [longestUnused] = this.#buckets.keys();
      if (longestUnused !== undefined) this.#buckets.delete(longestUnused);
    }
  }
}

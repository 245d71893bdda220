/** A token bucket's shape: `perSecond` tokens flow in, at most `burst` are kept. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Token buckets by key, for agents across dialects, connections and addresses. */
export interface Limiter {
  /**
   * Takes `cost` tokens from the bucket of `key`.
   * @returns 0, or in how many milliseconds it would succeed
   * @throws RangeError if the rate or the cost is negative or no number
   */
  take(key: string, rate: Rate, cost?: number): number;
  /** What `take` would say, without taking anything. */
  ask(key: string, rate: Rate, cost?: number): number;
  /** What is left in the bucket of `from` is all that the bucket of `to` begins with. */
  copy(from: string, to: string): void;
  /** Forgets a key. */
  forget(key: string): void;
}

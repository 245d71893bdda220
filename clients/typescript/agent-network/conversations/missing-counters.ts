/** Counters from `from` to `to`, both among them. */
export interface CounterRange {
  readonly from: number;
  readonly to: number;
}

/** Gaps remembered; what is missing in an older one counts as one that came before. */
export const gapsMax = 256;

/** Counters that were given up, and may come late, once each. A peer chooses how far its counter jumps: so ranges. */
export class MissingCounters {
  /** In their order; gapsMax at most. */
  #ranges: CounterRange[] = [];

  /** Remembers a gap behind all before it. */
  add(range: CounterRange): void {
    this.#ranges.push(range);
    this.#ranges = this.#ranges.slice(-gapsMax);
  }

  /** Whether this one is missing; from now on it is not. */
  take(counter: number): boolean {
    const at = this.#ranges.findIndex(({ from, to }) => from <= counter && counter <= to);
    const range = this.#ranges[at];
    if (range === undefined) return false;
    const left = [
      { from: range.from, to: counter - 1 },
      { from: counter + 1, to: range.to },
    ].filter(({ from, to }) => from <= to);
    this.#ranges.splice(at, 1, ...left);
    this.#ranges = this.#ranges.slice(-gapsMax);
    return true;
  }
}

const minuteMs = 60_000;

/** Lets one warning per address and minute through: a refused client may come back ten times a second. */
export class Warnings {
  // bound: zmqWarningsMax · evicts: the address warned of longest ago, whose next warning may come early · owner:
  // Warnings
  readonly #warnedAt = new Map<string, number>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** True if `address` may be warned of now (monotonic milliseconds). */
  allow(address: string, now: number): boolean {
    const last = this.#warnedAt.get(address);
    if (last !== undefined && now - last < minuteMs) return false;
    this.#warnedAt.delete(address);
    this.#warnedAt.set(address, now);
    if (this.#warnedAt.size > this.#max) {
      const [oldest] = this.#warnedAt.keys();
      if (oldest !== undefined) this.#warnedAt.delete(oldest);
    }
    return true;
  }
}

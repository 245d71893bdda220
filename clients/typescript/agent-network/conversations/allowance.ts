import type { Clock } from "../../../../src/core/clock.js";

/** How often something may happen for each name. */
export interface Rate {
  /** At once. */
  readonly burst: number;
  /** One more after so long, milliseconds. */
  readonly everyMs: number;
}

/** Names whose use is remembered at a time. */
export const namesMax = 10_000;

interface Used {
  left: number;
  at: number;
}

/** Counts for each name how much of a rate is left. A name that was not heard for long has all of it. */
export class Allowance {
  readonly #clock: Clock;
  readonly #rate: Rate;
  // bound: namesMax · evicts: the name that was longest silent, which has all of its rate by then · owner: Allowance
  readonly #used = new Map<string, Used>();

  constructor(clock: Clock, rate: Rate) {
    this.#clock = clock;
    this.#rate = rate;
  }

  /** Uses it once. False where nothing is left for this name. */
  take(name: string): boolean {
    const now = this.#clock.monotonic();
    const used = this.#used.get(name) ?? { left: this.#rate.burst, at: now };
    used.left = Math.min(this.#rate.burst, used.left + (now - used.at) / this.#rate.everyMs);
    used.at = now;
    this.#used.delete(name);
    this.#used.set(name, used);
    const [oldest] = this.#used.keys();
    if (this.#used.size > namesMax && oldest !== undefined) this.#used.delete(oldest);
    if (used.left < 1) return false;
    used.left -= 1;
    return true;
  }
}

import type { Clock } from "./clock.js";
import { asFault } from "./fault.js";

/** Work of one kind may take this long in one turn of the loop, milliseconds. */
const turnMs = 8;

/**
 * Work that strangers can cause more of than fits into one turn of the loop: events to many, long lists, names and
 * rooms of many subscriptions (ARCHITECTURE, invariant 11). It is done at once while the turn has time for it, and else
 * in later turns, in the order in which it came; between them the loop reads and writes.
 */
export class Slices {
  // bound: what its owner lets wait · evicts: work leaves when it is done · owner: whoever made the Slices
  #waiting: (() => void)[] = [];
  /** How many of `#waiting` are done. */
  #done = 0;
  #spentMs = 0;
  #phase: "idle" | "working" = "idle";
  #isScheduled = false;
  readonly #clock: Pick<Clock, "monotonic" | "missed">;
  readonly #failed: (thrown: unknown) => void;

  /** @param failed is told what work threw that was done later */
  constructor(clock: Pick<Clock, "monotonic" | "missed">, failed: (thrown: unknown) => void = rethrow) {
    this.#clock = clock;
    this.#failed = failed;
  }

  /** True if work would be done at once. */
  get hasTime(): boolean {
    return this.#phase === "idle" && this.#size === 0 && this.#spentMs < turnMs;
  }

  /** Does the work now or in its turn. What it throws now, it throws to the caller. */
  do(work: () => void): void {
    if (this.hasTime) this.#work(work);
    else this.#waiting.push(work);
    this.#schedule();
  }

  /** Does the work now, or in its turn: then the promise tells when it is done, and what it threw. */
  run(work: () => void): void | Promise<void> {
    if (this.hasTime) {
      this.do(work);
      return undefined;
    }
    return new Promise((resolve, reject) => {
      this.do(() => {
        try {
          work();
          resolve();
        } catch (thrown) {
          reject(asFault(thrown));
        }
      });
    });
  }

  /** Does all that waits, at once: nothing comes after it. */
  finish(): void {
    while (this.#size > 0) this.#next();
  }

  get #size(): number {
    return this.#waiting.length - this.#done;
  }

  /** Monotonic, and goes on in a long turn, of which the clock of deadlines counts the beginning only. */
  #now(): number {
    return this.#clock.monotonic() + this.#clock.missed();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#spentMs = 0;
      while (this.#size > 0 && this.#spentMs < turnMs) this.#next();
      if (this.#size > 0) this.#schedule();
    });
  }

  #next(): void {
    const work = this.#waiting[this.#done];
    this.#done += 1;
    if (this.#done > 1_000 && this.#done * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#done);
      this.#done = 0;
    }
    if (work === undefined) return;
    try {
      this.#work(work);
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  #work(work: () => void): void {
    const before = this.#now();
    this.#phase = "working";
    try {
      work();
    } finally {
      this.#phase = "idle";
      this.#spentMs += this.#now() - before;
    }
  }
}

function rethrow(thrown: unknown): never {
  throw thrown;
}

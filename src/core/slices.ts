import type { Clock } from "./clock.js";
import { asFault } from "./fault.js";

/** How a kind of work is done that may be more than fits into one turn. */
export interface SlicesOptions {
  /** It may take this long in one turn of the loop, milliseconds. */
  readonly turnMs?: number;
  /** Is told what work threw that was done later. */
  readonly failed?: ((thrown: unknown) => void) | undefined;
  /** What is done before this: nobody is told that 2,000 agents have left while they still leave. */
  readonly first?: Slices;
}

/** Work, or a piece of it: then it returns "more". */
export type Work = () => "more" | void;

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
  readonly #turnMs: number;
  readonly #failed: (thrown: unknown) => void;
  readonly #first: Slices | undefined;

  constructor(clock: Pick<Clock, "monotonic" | "missed">, { turnMs = 2, failed = rethrow, first }: SlicesOptions = {}) {
    this.#clock = clock;
    this.#turnMs = turnMs;
    this.#failed = failed;
    this.#first = first;
  }

  /** True if work would be done at once. */
  get hasTime(): boolean {
    return this.#phase === "idle" && this.#size === 0 && this.#spentMs < this.#turnMs && !this.#mustWait;
  }

  /** Does the work now or in its turn. What it throws now, it throws to the caller. */
  do(work: () => void): void {
    if (this.hasTime) this.#work(work);
    else this.#waiting.push(work);
    this.#schedule();
  }

  /**
   * Does the work now, or in its turn: then the promise tells when it is done, and what it threw. What it calls "more"
   * is done again, in as many turns as it takes.
   */
  run(work: Work): void | Promise<void> {
    while (this.hasTime) if (this.#isWhole(work)) return undefined;
    return new Promise((resolve, reject) => {
      const piece = (): void => {
        try {
          if (work() === "more") this.do(piece);
          else resolve();
        } catch (thrown) {
          reject(asFault(thrown));
        }
      };
      this.do(piece);
    });
  }

  /** Does the work now. @returns true if nothing of it is left */
  #isWhole(work: Work): boolean {
    const done: { said?: ReturnType<Work> } = {};
    this.do(() => {
      done.said = work();
    });
    return done.said !== "more";
  }

  /** Does all that waits, at once: nothing comes after it. */
  finish(): void {
    while (this.#size > 0) this.#next();
  }

  get #mustWait(): boolean {
    return this.#first !== undefined && this.#first.#size > 0;
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
      while (this.#size > 0 && this.#spentMs < this.#turnMs && !this.#mustWait) this.#next();
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

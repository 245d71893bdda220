import type { Clock } from "./clock.js";
import { asFault } from "./fault.js";

/** How a kind of work is done that may be more than fits into one turn. */
export interface SlicesOptions {
  /** It may take this long in one turn of the loop, milliseconds. */
  readonly turnMs?: number;
  /** Is told what work threw that was done later. */
  readonly failed?: ((thrown: unknown) => void) | undefined;
  /**
   * What goes before this: 2,000 agents leave before all of it is told. While it waits, this has a quarter of its time.
   */
  readonly first?: Slices;
  /** What makes it wait for a later turn, however little was done in this one. */
  readonly holds?: () => boolean;
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
  /** Pieces of work that has begun: they go before all that waits. */
  // bound: pieces that one call adds · evicts: work leaves when it is done · owner: whoever made the Slices
  #begun: (() => void)[] = [];
  /** How many of `#waiting` are done. */
  #done = 0;
  #spentMs = 0;
  #phase: "idle" | "working" = "idle";
  #isScheduled = false;
  readonly #clock: Pick<Clock, "monotonic" | "missed">;
  readonly #turnMs: number;
  readonly #failed: (thrown: unknown) => void;
  readonly #first: Slices | undefined;
  readonly #holds: () => boolean;

  constructor(clock: Pick<Clock, "monotonic" | "missed">, options: SlicesOptions = {}) {
    const { turnMs = 2, failed = rethrow, first, holds = () => false } = options;
    this.#clock = clock;
    this.#turnMs = turnMs;
    this.#failed = failed;
    this.#first = first;
    this.#holds = holds;
  }

  /** True if work would be done at once. */
  get hasTime(): boolean {
    return this.#phase === "idle" && this.#size === 0 && !this.#isOver && !this.#mustWait;
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
    let hasBegun = false;
    while (this.hasTime) {
      if (this.#isWhole(work)) return undefined;
      hasBegun = true;
    }
    return new Promise((resolve, reject) => {
      const piece = (): void => {
        try {
          if (work() === "more") this.#begun.push(piece);
          else resolve();
        } catch (thrown) {
          reject(asFault(thrown));
        }
      };
      if (hasBegun) this.#begun.push(piece);
      else this.#waiting.push(piece);
      this.#schedule();
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

  /** This turn has no more time for it. */
  get #isOver(): boolean {
    return this.#holds() || this.#spentMs >= (this.#mustWait ? this.#turnMs / 4 : this.#turnMs);
  }

  get #size(): number {
    return this.#waiting.length - this.#done + this.#begun.length;
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
      try {
        while (this.#size > 0 && !this.#isOver) this.#next();
      } finally {
        if (this.#size > 0) this.#schedule();
      }
    });
  }

  #next(): void {
    const begun = this.#begun.pop();
    const work = begun ?? this.#waiting[this.#done];
    if (begun === undefined) this.#done += 1;
    // What is done keeps what it worked on: with connections that have ended 10 KB each.
    if (this.#done === this.#waiting.length || (this.#done > 1_000 && this.#done * 2 > this.#waiting.length)) {
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

/** Work in pieces: each `yield` is where it may wait for a later turn of the loop. */
export type Job = Generator<undefined, void>;

/** So long in one turn, milliseconds (ARCHITECTURE, invariant 11). */
const turnMs = 3;

/**
 * Does jobs in pieces, a few milliseconds a turn of the loop, in turn: one that is long holds up neither the loop nor
 * the others for long.
 */
export class Turns {
  readonly #after: (ms: number, run: () => void) => () => void;
  // bound: one a viewer, and the round · evicts: a job leaves when it is done · owner: Turns
  readonly #jobs: Job[] = [];
  #cancel: (() => void) | undefined;

  /** @param after runs something after so many milliseconds */
  constructor(after: (ms: number, run: () => void) => () => void) {
    this.#after = after;
  }

  /** Does a job, from the next turn on. */
  do(job: Job): void {
    this.#jobs.push(job);
    this.#cancel ??= this.#after(0, () => {
      this.#turn();
    });
  }

  /** Forgets all. */
  end(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#jobs.length = 0;
  }

  #turn(): void {
    this.#cancel = undefined;
    const endAt = performance.now() + turnMs;
    try {
      for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) {
        const { done } = job.next();
        if (done !== true) this.#jobs.push(job);
        if (performance.now() >= endAt) break;
      }
    } finally {
      if (this.#jobs.length > 0)
        this.#cancel = this.#after(0, () => {
          this.#turn();
        });
    }
  }
}

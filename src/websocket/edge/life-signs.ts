import type { Clock } from "../../core/index.js";

/** Questions whether a peer is alive that wait for any sign of it. */
export class LifeSigns {
  readonly #clock: Clock;
  // bound: newcomers of one name, one at a time each · evicts: a question goes when it is answered, or its time is over
  // · owner: LifeSigns
  #asked: Set<(alive: boolean) => void> | undefined; // none for nearly all connections

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True while somebody waits. */
  get isAsked(): boolean {
    return this.#asked !== undefined && this.#asked.size > 0;
  }

  /** Resolves to whether a sign comes within `ms`. `ping`: how to ask the peer for one, if nobody has yet. */
  ask(ms: number, ping: () => void): Promise<boolean> {
    return new Promise((resolve) => {
      const answer = (alive: boolean): void => {
        cancel();
        this.#asked?.delete(answer);
        resolve(alive);
      };
      const cancel = this.#clock.after(ms, () => {
        answer(false);
      });
      this.#asked ??= new Set();
      this.#asked.add(answer);
      if (this.#asked.size === 1) ping();
    });
  }

  /** A sign came, or none will. */
  answer(alive: boolean): void {
    if (this.#asked !== undefined && this.#asked.size > 0) for (const answer of [...this.#asked]) answer(alive);
  }
}

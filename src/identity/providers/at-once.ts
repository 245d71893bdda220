/**
 * Lets no more than so many pieces of work be under way; further ones wait in their order. Signatures are verified on
 * other threads: what many of them have done at once would come back in one turn of the loop (200 logins: 60 ms).
 */
export class AtOnce {
  readonly #most: number;
  #running = 0;
  // bound: logins that are under way, and sessions that show a new token · evicts: in their turn · owner: AtOnce
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** Does the work now or in its turn. @throws what it throws, as a rejection */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#most) this.#running += 1;
    else
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}

import type { Envelope } from "../../../src/core/index.js";

/** What came and was taken by no handler: kept in order, up to a bound, for whoever iterates. */
export class UnhandledMessages implements AsyncIterable<Envelope> {
  /** Messages that came when it was full. */
  dropped = 0;
  readonly #max: number;
  #messages: Envelope[] = [];
  #takers: ((result: IteratorResult<Envelope, undefined>) => void)[] = [];
  #closed = false;

  constructor(max: number) {
    this.#max = max;
  }

  /** @returns false if it was dropped */
  put(envelope: Envelope): boolean {
    const taker = this.#takers.shift();
    if (taker !== undefined) {
      taker({ value: envelope, done: false });
      return true;
    }
    if (this.#messages.length >= this.#max) {
      this.dropped += 1;
      return false;
    }
    this.#messages.push(envelope);
    return true;
  }

  /** Ends every iteration once what is kept has been taken. */
  close(): void {
    this.#closed = true;
    for (const taker of this.#takers.splice(0)) taker({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): AsyncIterator<Envelope, undefined> {
    let own: ((result: IteratorResult<Envelope, undefined>) => void) | undefined;
    return {
      next: () => {
        const envelope = this.#messages.shift();
        if (envelope !== undefined) return Promise.resolve({ value: envelope, done: false });
        if (this.#closed) return Promise.resolve({ value: undefined, done: true });
        return new Promise((resolve) => {
          own = resolve;
          this.#takers.push(resolve);
        });
      },
      return: () => {
        // Whoever stops listening takes no message any more.
        this.#takers = this.#takers.filter((taker) => taker !== own);
        own?.({ value: undefined, done: true });
        return Promise.resolve({ value: undefined, done: true });
      },
    };
  }
}

import type { Envelope } from "../../../src/core/index.js";

/** How somebody who iterates has ended with a message: by asking for the next one, or by leaving. */
export type Ended = (how: "next" | "left") => void;

interface Unhandled {
  readonly envelope: Envelope;
  readonly ended: Ended | undefined;
}

/** Messages that no handler has taken: kept in order, up to a bound, for those who iterate over the agent. */
export class UnhandledMessages implements AsyncIterable<Envelope> {
  /** Messages that came while it was full. */
  dropped = 0;
  /** Is told when somebody begins to wait for a message, and when somebody leaves. */
  changed: () => void = () => undefined;
  readonly #max: number;
  readonly #isStale: (envelope: Envelope) => boolean;
  #messages: Unhandled[] = [];
  #takers: ((unhandled: Unhandled | undefined) => void)[] = [];
  #closed = false;

  /**
   * @param max messages that are kept at once
   * @param isStale true for a message that has waited here too long: it is left out
   */
  constructor(max: number, isStale: (envelope: Envelope) => boolean) {
    this.#max = max;
    this.#isStale = isStale;
  }

  /** True while somebody waits for a message. */
  get isWanted(): boolean {
    return this.#takers.length > 0;
  }

  /** @returns false if it was dropped */
  put(envelope: Envelope, ended?: Ended): boolean {
    const taker = this.#takers.shift();
    if (taker !== undefined) {
      taker({ envelope, ended });
      return true;
    }
    if (this.#messages.length >= this.#max) {
      this.dropped += 1;
      return false;
    }
    this.#messages.push({ envelope, ended });
    return true;
  }

  /** Takes out what fits, oldest first. */
  withdraw(fits: (envelope: Envelope) => boolean): readonly Envelope[] {
    const out = this.#messages.filter(({ envelope }) => fits(envelope));
    this.#messages = this.#messages.filter(({ envelope }) => !fits(envelope));
    return out.map(({ envelope }) => envelope).filter((envelope) => !this.#isStale(envelope));
  }

  /** Ends every iteration once what is kept has been taken. */
  close(): void {
    this.#closed = true;
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }

  #shift(): Unhandled | undefined {
    for (;;) {
      const unhandled = this.#messages.shift();
      if (unhandled === undefined || !this.#isStale(unhandled.envelope)) return unhandled;
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<Envelope, undefined> {
    let own: ((unhandled: Unhandled | undefined) => void) | undefined;
    let inHand: Ended | undefined;
    const end = (how: "next" | "left"): void => {
      inHand?.(how);
      inHand = undefined;
    };
    const given = (unhandled: Unhandled | undefined): IteratorResult<Envelope, undefined> => {
      inHand = unhandled?.ended;
      return unhandled === undefined ? { value: undefined, done: true } : { value: unhandled.envelope, done: false };
    };
    return {
      next: () => {
        end("next");
        const unhandled = this.#shift();
        if (unhandled !== undefined || this.#closed) return Promise.resolve(given(unhandled));
        return new Promise((resolve) => {
          own = (found) => {
            resolve(given(found));
          };
          this.#takers.push(own);
          this.changed();
        });
      },
      return: () => {
        end("left");
        // An iteration that has ended must take no more messages.
        const isWaiting = this.#takers.length;
        this.#takers = this.#takers.filter((taker) => taker !== own);
        if (this.#takers.length < isWaiting) own?.(undefined);
        this.changed();
        return Promise.resolve({ value: undefined, done: true });
      },
    };
  }
}

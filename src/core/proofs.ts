/** Bytes of a mark: nobody guesses so many (protocols §9.1). */
export const markBytes = 8;

/** What a connection lends its {@link Proofs}. */
export interface ProofsOptions {
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
  /** `markBytes` random bytes. */
  readonly newMark: () => Buffer;
  /** Sends a ping that carries `mark`, behind everything that was sent before. */
  readonly ping: (mark: Buffer) => void;
  /** So many askers may wait for the next ping: the mailboxes that one connection can have, and its rooms. */
  readonly askersMax: number;
}

/** A question that is open: what answers it, since when it is open, and who wants to know. */
interface Question {
  readonly mark: Buffer;
  readonly askedAt: number;
  readonly proved: ReadonlyMap<object, Proved>;
}

type Proved = (tookMs: number) => void;

/**
 * Asks one peer for signs that can only come after what was sent to it (protocols §9.1). One ping is under way at a
 * time; whoever asks meanwhile shares the next one. A sign that nobody asked for counts for nothing.
 */
export class Proofs {
  readonly #options: ProofsOptions;
  #open: Question | undefined;
  /** For whom the next ping goes out, by who asks: a mailbox of the peer's each, and its rooms. */
  // bound: askersMax · evicts: the one that has waited longest; all when the ping goes out · owner: Proofs
  #next = new Map<object, Proved>();
  /** Those who asked are being told: what they ask now goes out once, for all of them. */
  #isTelling = false;

  constructor(options: ProofsOptions) {
    this.#options = options;
  }

  /** True while a question waits for its answer. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /**
   * The mark of the open question. All other pings have to repeat it: a peer may answer the last one only (RFC 6455
   * §5.5.3; libzmq while it cannot write).
   */
  get openMark(): Buffer | undefined {
    return this.#open?.mark;
  }

  /**
   * `proved` is called with the milliseconds from the ping to its answer. What the same asker has asked before, and has
   * gone out with no ping yet, it asks no more: a peer can take back and repeat what it subscribes to. Nor is it called
   * if more than `askersMax` others ask after it while another question is open: then its asker must be gone.
   */
  ask(asker: object, proved: Proved): void {
    this.#next.delete(asker);
    this.#next.set(asker, proved);
    if (this.#next.size > this.#options.askersMax) {
      const [oldest] = this.#next.keys();
      if (oldest !== undefined) this.#next.delete(oldest);
    }
    if (this.#open === undefined && !this.#isTelling) this.#begin();
  }

  /** A pong came. @returns false if it does not carry the mark of the open question */
  answer(mark: Buffer): boolean {
    if (this.#open?.mark.equals(mark) !== true) return false;
    this.answered();
    return true;
  }

  /** The open question is answered, if there is one. All who asked are told. @throws what one of them has thrown */
  answered(): void {
    const question = this.#open;
    if (question === undefined) return;
    this.#open = undefined;
    this.#isTelling = true;
    const tookMs = this.#options.monotonic() - question.askedAt;
    const failures: unknown[] = [];
    for (const proved of question.proved.values()) {
      try {
        proved(tookMs);
      } catch (thrown) {
        failures.push(thrown);
      }
    }
    this.#isTelling = false;
    if (this.#next.size > 0) this.#begin();
    if (failures.length > 0) throw failures.length === 1 ? failures[0] : new AggregateError(failures);
  }

  #begin(): void {
    const { monotonic, newMark, ping } = this.#options;
    const mark = newMark();
    this.#open = { mark, askedAt: monotonic(), proved: this.#next };
    this.#next = new Map();
    ping(mark);
  }
}

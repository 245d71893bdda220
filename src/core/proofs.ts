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
  /** So many may wait for the next ping: the mailboxes that one connection can have. */
  readonly askersMax: number;
}

/** A question that is open: what answers it, since when it is open, and who wants to know. */
interface Question {
  readonly mark: Buffer;
  readonly askedAt: number;
  readonly proved: readonly ((tookMs: number) => void)[];
}

/**
 * Asks one peer for signs that can only come after what was sent to it (protocols §9.1). One ping is under way at a
 * time; whoever asks meanwhile shares the next one. A sign that nobody asked for counts for nothing.
 */
export class Proofs {
  readonly #options: ProofsOptions;
  #open: Question | undefined;
  /** Those for whom the next ping goes out: a mailbox of the peer's each, and what was asked for a former one. */
  #next: ((tookMs: number) => void)[] = [];
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
   * `proved` is called with the milliseconds from the ping to its answer; not if so many ask after it while another
   * question is open that it must be out of date: a peer can take back and repeat what it subscribes to.
   */
  ask(proved: (tookMs: number) => void): void {
    this.#next.push(proved);
    if (this.#next.length > this.#options.askersMax) this.#next.shift();
    if (this.#open === undefined && !this.#isTelling) this.#begin();
  }

  /** A pong came. @returns false if it does not carry the mark of the open question */
  answer(mark: Buffer): boolean {
    if (this.#open?.mark.equals(mark) !== true) return false;
    this.answered();
    return true;
  }

  /** The open question is answered, if there is one. */
  answered(): void {
    const question = this.#open;
    if (question === undefined) return;
    this.#open = undefined;
    this.#isTelling = true;
    const tookMs = this.#options.monotonic() - question.askedAt;
    for (const proved of question.proved) proved(tookMs);
    this.#isTelling = false;
    if (this.#next.length > 0) this.#begin();
  }

  #begin(): void {
    const { monotonic, newMark, ping } = this.#options;
    const mark = newMark();
    this.#open = { mark, askedAt: monotonic(), proved: this.#next };
    this.#next = [];
    ping(mark);
  }
}

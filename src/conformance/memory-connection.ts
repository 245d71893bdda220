import { markBytes, Proofs, type Clock, type Ledger } from "../core/index.js";
import type { Closing, Connection, Frame, PreparedFrame, Receiver } from "../dialect/index.js";

/** A frame prepared by a {@link MemoryConnection}, which remembers what it was. */
interface MemoryFrame extends PreparedFrame {
  readonly frame: Frame;
}

/** A connection without a socket: what is sent is in `frames`, at once. */
export class MemoryConnection implements Connection {
  readonly id: string;
  readonly remote: string;
  readonly frames: Frame[] = [];
  /** How often a frame was prepared here: once per variant. */
  prepared = 0;
  /** Unsent bytes, as a test wants them to be. */
  buffered = 0;
  dropped = 0;
  /** The backlog is full: copies are dropped. */
  isFull = false;
  /** Its peer answers pings; if not, `pong` does. */
  answersPings = true;
  /** The largest message that can ever wait, bytes. */
  maxBytes = Infinity;
  isAdmitted = false;
  /** What its peer has said and nobody has heard yet, as a test wants it to be; then `catchUp`. */
  readonly unheard: Frame[] = [];
  readonly #afterHearing: (() => void)[] = [];
  /** What its peer says while nothing is read. */
  readonly #unread: Frame[] = [];
  #isReading = true;
  /** How it ended, once it has. */
  closing: Closing | undefined;
  receiver: Receiver | undefined;
  readonly #clock: Clock;
  readonly #ledger: Ledger;
  readonly #proofs: Proofs;

  constructor(options: {
    readonly id: string;
    readonly clock: Clock;
    readonly ledger: Ledger;
    readonly remote?: string;
  }) {
    this.id = options.id;
    this.remote = options.remote ?? "127.0.0.1";
    this.#clock = options.clock;
    this.#ledger = options.ledger;
    this.#proofs = new Proofs({
      monotonic: () => this.#clock.monotonic(),
      newMark: () => Buffer.alloc(markBytes),
      ping: () => undefined,
      askersMax: 16,
    });
  }

  prepare(frame: Frame): MemoryFrame {
    this.prepared += 1;
    return { frame, bytes: Buffer.from(frame) };
  }

  admitted(): void {
    this.isAdmitted = true;
  }

  send(frame: Frame | PreparedFrame, copy: boolean): boolean {
    const dropped = this.closing !== undefined ? "closed" : this.isFull && copy ? "full" : undefined;
    if (dropped !== undefined) {
      if (dropped === "full") this.dropped += 1;
      if (copy) this.#ledger.drop(dropped, 1, false);
      return false;
    }
    if (copy) {
      this.#ledger.copies.copies += 1;
      this.#ledger.copies.written += 1;
    }
    this.frames.push(
      typeof frame === "string" || Buffer.isBuffer(frame)
        ? frame
        : ((frame as Partial<MemoryFrame>).frame ?? frame.bytes),
    );
    return true;
  }

  offer(frame: Frame | PreparedFrame): ReturnType<Connection["offer"]> {
    if (this.closing !== undefined) return "closed";
    const bytes = typeof frame === "string" || Buffer.isBuffer(frame) ? Buffer.byteLength(frame) : frame.bytes.length;
    if (bytes > this.maxBytes) return "too-large";
    if (this.isFull) return "full";
    this.send(frame, true);
    return "taken";
  }

  prove(asker: object, proved: (tookMs: number) => void): void {
    this.#proofs.ask(asker, proved);
    if (this.answersPings) this.pong();
  }

  /** Its peer answers the ping that is under way, if there is one: it has read all that was sent before it. */
  pong(): void {
    queueMicrotask(() => {
      if (this.closing === undefined) this.#proofs.answered();
    });
  }

  close(closing: Closing): void {
    if (this.closing !== undefined) return;
    this.closing = closing;
    queueMicrotask(() => this.receiver?.closed(closing));
  }

  terminate(): void {
    this.close({ code: 1006, reason: "" });
  }

  deadline(ms: number, run: () => void): () => void {
    let phase: "open" | "called off" = "open";
    const cancel = this.#clock.after(ms, () => {
      const judge = (): void => {
        if (phase === "open") run();
      };
      if (this.unheard.length === 0) judge();
      else this.#afterHearing.push(judge);
    });
    return () => {
      phase = "called off";
      cancel();
    };
  }

  /** What waits is heard. */
  catchUp(): void {
    for (const frame of this.unheard.splice(0)) this.says(frame);
    for (const run of this.#afterHearing.splice(0)) run();
  }

  pauseReading(): void {
    this.#isReading = false;
  }

  resumeReading(): void {
    this.#isReading = true;
    // Not in the turn of who resumes: as a socket does.
    queueMicrotask(() => {
      while (this.#isReading) {
        const frame = this.#unread.shift();
        if (frame === undefined) return;
        this.says(frame);
      }
    });
  }

  alive(ms: number): Promise<boolean> {
    if (this.closing !== undefined) return Promise.resolve(false);
    if (this.answersPings) return Promise.resolve(true);
    return new Promise((resolve) => {
      this.#clock.after(ms, () => {
        resolve(false);
      });
    });
  }

  /** Its peer says something. */
  says(frame: Frame): void {
    if (this.closing !== undefined) return;
    if (this.#isReading) this.receiver?.frame(frame);
    else this.#unread.push(frame);
  }
}

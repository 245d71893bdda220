import type { Wire } from "../../src/core/index.js";

/**
 * The writing half of a socket that takes bytes and says when, and whether, they have left. Once one write fails, all
 * do.
 */
export class FakeWire implements Wire {
  /** Bytes whose write has completed. */
  readonly sent: Buffer[] = [];
  /** What was given to it, the very buffers. */
  readonly given: Buffer[] = [];
  /** Whether a write is done before it returns, if none is under way. */
  isQuick = false;
  #failed = false;
  #underWay: { readonly bytes: Buffer; readonly done: (error?: Error | null) => void }[] = [];

  write(bytes: Buffer, done: (error?: Error | null) => void): void {
    this.given.push(bytes);
    this.#underWay.push({ bytes, done });
    if (this.isQuick && this.waiting === 1) this.complete();
  }

  /** Writes that have not completed. */
  get waiting(): number {
    return this.#underWay.length;
  }

  /** Bytes of these writes. */
  get waitingBytes(): number {
    return this.#underWay.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** Completes up to `count` writes, oldest first. @returns how many there were */
  complete(count = Infinity): number {
    let done = 0;
    while (done < count) {
      const write = this.#underWay.shift();
      if (write === undefined) break;
      if (!this.#failed) this.sent.push(Buffer.from(write.bytes));
      write.done(this.#failed ? new Error("EPIPE") : null);
      done += 1;
    }
    return done;
  }

  /** Fails what is under way and everything after. */
  fail(): void {
    this.#failed = true;
    this.complete();
  }
}

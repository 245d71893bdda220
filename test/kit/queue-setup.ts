import { expect, vi } from "vitest";
import { BacklogTotal, Flusher, Ledger, SendQueue } from "../../src/core/index.js";
import { FakeWire } from "./fake-wire.js";

/** A queue and what it writes to; several may share a flusher and a total. */
export class QueueSetup {
  readonly wire = new FakeWire();
  readonly ledger = new Ledger();
  readonly total: BacklogTotal;
  readonly evict = vi.fn();
  time = 0;
  readonly flusher: Flusher;
  readonly queue: SendQueue;

  constructor(flusher = new Flusher(), total?: BacklogTotal) {
    this.flusher = flusher;
    this.total = total ?? new BacklogTotal(1e9, this.ledger);
    this.queue = new SendQueue({
      wire: this.wire,
      flusher,
      ledger: this.ledger,
      total: this.total,
      maxBytes: 10_000_000,
      evict: this.evict,
      monotonic: () => this.time,
    });
  }

  /** One message; borrowed if nothing else is said. */
  add(source: Buffer, { start = 0, end = source.length, borrow = true, observed = false } = {}): void {
    expect(this.queue.append(source, start, end, 1, observed, borrow)).toBe(true);
  }

  /** The sizes of the writes so far. */
  get sizes(): number[] {
    return this.wire.given.map(({ length }) => length);
  }

  /** Completes everything, and what is written thereupon. @returns all bytes */
  drain(): Buffer {
    while ((this.flusher.flush(), this.wire.complete() > 0));
    return Buffer.concat(this.wire.sent);
  }
}

/** So many bytes of one letter. */
export const letters = (length: number, letter = "x"): Buffer => Buffer.alloc(length, letter);

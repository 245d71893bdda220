import type { Flushable, Flusher } from "./flusher.js";
import type { DropReason, Ledger } from "./ledger.js";
import type { BacklogTotal } from "./backlog-total.js";

/** The writing half of a socket. `done` is called once, when the bytes have left or never will. */
export interface Wire {
  write(bytes: Buffer, done: (error?: Error | null) => void): void;
}

export interface OutboxOptions {
  readonly wire: Wire;
  readonly flusher: Flusher;
  readonly ledger: Ledger;
  readonly total: BacklogTotal;
  /** Unsent bytes at most; a message beyond it is dropped. */
  readonly maxBytes: number;
  /** Closes the connection at once; called when its backlog is evicted. */
  readonly evict: () => void;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
}

/** 64 KiB: a block is one write; larger ones gain nothing and pin more memory. */
const blockMaxBytes = 64 * 1024;
/** The first block of an idle connection comes from Node's pool: 0.05 µs instead of 1 µs. */
const blockMinBytes = 2048;

/**
 * What waits for one socket: whole frames in order, copied into blocks, written once per tick. It keeps the ledger of
 * copies: each copy becomes *written* when the write that holds its last byte completes, or *dropped* with a reason.
 */
export class Outbox implements Flushable {
  /** Bytes taken and not yet written. */
  buffered = 0;
  /** Monotonic time of the last completed write, or of the first byte that waits. */
  progressAt = 0;
  readonly #options: OutboxOptions;
  #block: Buffer | undefined;
  #spare: Buffer | undefined;
  #used = 0;
  #blockBytes = blockMinBytes;
  /** Copies whose last byte is in the open block: for receivers, for taps. */
  #copies = 0;
  #observed = 0;
  /** The same for writes under way. */
  #copiesInFlight = 0;
  #observedInFlight = 0;
  #marked = false;
  #closed = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /**
   * Takes `count` whole messages, `source[start, end)`. With `borrow` the bytes may leave uncopied, if nothing waits and
   * they are a large part of `source`; the caller must not write to `source` again.
   * @returns false if they were dropped, because the backlog is full or the connection closed; they are counted.
   */
  append(source: Buffer, start: number, end: number, count: number, observed: boolean, borrow: boolean): boolean {
    const size = end - start;
    const { ledger, maxBytes } = this.#options;
    if (this.#closed) {
      ledger.drop("closed", count, observed);
      return false;
    }
    if (this.buffered + size > maxBytes) {
      ledger.drop("full", count, observed);
      return false;
    }
    const copies = observed ? ledger.taps : ledger.copies;
    copies.copies += count;
    copies.pending += count;
    if (borrow && this.buffered === 0 && size * 4 >= source.length && size > 4096) {
      this.#grow(size);
      this.#write(source.subarray(start, end), observed ? 0 : count, observed ? count : 0, undefined);
      return true;
    }
    this.#grow(size);
    this.#copy(source, start, end);
    if (observed) this.#observed += count;
    else this.#copies += count;
    this.#mark();
    return true;
  }

  /** Takes bytes that are no copy of a message: answers, pings, greetings. Not subject to the limit, not counted. */
  control(bytes: Buffer): void {
    if (this.#closed) return;
    this.#grow(bytes.length);
    this.#copy(bytes, 0, bytes.length);
    this.#mark();
  }

  /** Hands everything that has gathered to the socket. */
  flush(): void {
    this.#marked = false;
    const block = this.#block;
    if (block === undefined || this.#used === 0 || this.#closed) return;
    const used = this.#used;
    const copies = this.#copies;
    const observed = this.#observed;
    this.#block = undefined;
    this.#used = 0;
    this.#copies = 0;
    this.#observed = 0;
    this.#write(used === block.length ? block : block.subarray(0, used), copies, observed, block);
  }

  /** The connection is gone: what waits is dropped and counted. */
  close(reason: DropReason = "closed"): void {
    if (this.#closed) return;
    this.#closed = true;
    const { ledger, total } = this.#options;
    settle(ledger.copies, this.#copies + this.#copiesInFlight, reason);
    settle(ledger.taps, this.#observed + this.#observedInFlight, reason);
    const held = this.buffered;
    this.buffered = 0;
    total.release(this, held);
    this.#block = undefined;
    this.#spare = undefined;
  }

  /** True once closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Closes the connection to give its memory back. */
  evict(): void {
    this.#options.evict();
  }

  #grow(size: number): void {
    if (this.buffered === 0) this.progressAt = this.#options.monotonic();
    this.buffered += size;
    this.#options.total.take(this, size);
  }

  #copy(source: Buffer, start: number, end: number): void {
    const size = end - start;
    let block = this.#block;
    if (block !== undefined && this.#used + size > block.length) {
      this.flush();
      block = undefined;
    }
    if (block === undefined) {
      block = this.#newBlock(size);
      this.#block = block;
      this.#used = 0;
    }
    source.copy(block, this.#used, start, end);
    this.#used += size;
  }

  #newBlock(size: number): Buffer {
    const spare = this.#spare;
    if (spare !== undefined && size <= spare.length) {
      this.#spare = undefined;
      return spare;
    }
    // Grows eightfold while bytes wait, starts small again once all are written.
    this.#blockBytes = this.buffered === size ? blockMinBytes : Math.min(this.#blockBytes * 8, blockMaxBytes);
    return size <= blockMinBytes && this.#blockBytes === blockMinBytes
      ? Buffer.allocUnsafe(blockMinBytes)
      : Buffer.allocUnsafeSlow(Math.max(size, this.#blockBytes));
  }

  #mark(): void {
    if (this.#marked) return;
    this.#marked = true;
    this.#options.flusher.mark(this);
  }

  #write(bytes: Buffer, copies: number, observed: number, block: Buffer | undefined): void {
    this.#copiesInFlight += copies;
    this.#observedInFlight += observed;
    const size = bytes.length;
    this.#options.wire.write(bytes, (error) => {
      if (this.#closed) return;
      this.#copiesInFlight -= copies;
      this.#observedInFlight -= observed;
      this.buffered -= size;
      const { ledger, total } = this.#options;
      total.release(this, size);
      if (error) {
        settle(ledger.copies, copies, "closed");
        settle(ledger.taps, observed, "closed");
        return;
      }
      ledger.copies.written += copies;
      ledger.copies.pending -= copies;
      ledger.taps.written += observed;
      ledger.taps.pending -= observed;
      this.progressAt = this.#options.monotonic();
      if (block?.length === blockMaxBytes && this.buffered > 0) this.#spare ??= block;
    });
  }
}

function settle(copies: Ledger["copies"], count: number, reason: DropReason): void {
  copies.dropped[reason] += count;
  copies.pending -= count;
}

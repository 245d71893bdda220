import { Buffer } from "node:buffer"; // the global one is asked for by a getter, each time
import { blockBytes } from "./flusher.js";
import type { Flushable, Flusher } from "./flusher.js";
import { runMaxBytes, type FrameRun } from "./flusher.js";
import type { DropReason, Ledger } from "./ledger.js";
import type { BacklogTotal } from "./backlog-total.js";

/** The writing half of a socket. `done` is called once, at once or later, when the bytes have left or never will. */
export interface Wire {
  write(bytes: Buffer, done: (error?: Error | null) => void): void;
}

export interface SendQueueOptions {
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

/** Bytes for one write, and the copies whose last byte is in them: for receivers, for taps. */
interface Parcel {
  readonly bytes: Buffer;
  readonly copies: number;
  readonly observed: number;
  /** The pool's block that the bytes lie in. */
  readonly block: Buffer | undefined;
}

/** The first bytes of a tick go to a small block from Node's pool: 1,000 idle connections would pin 64 MiB. */
const firstBlockBytes = 2048;
/** So much is given to the socket at a time: it tells of progress only when all of it has left. */
const inFlightMaxBytes = 256 * 1024;

/**
 * What waits for one socket: whole frames in order, copied into blocks, written once per tick. It keeps the ledger of
 * copies: each copy becomes *written* when the write that holds its last byte completes, or *dropped* with a reason.
 */
export class SendQueue implements Flushable {
  /** Bytes taken and not yet written. */
  buffered = 0;
  /** Messages dropped because the backlog was full, since the start. */
  dropped = 0;
  /** Monotonic time of the last completed write, or of the first byte that waits. */
  progressAt = 0;
  readonly #options: SendQueueOptions;
  /** Borrowed whole frames, if they are all that waits: they leave uncopied. */
  #run: FrameRun | undefined;
  /** The block that is being filled, and the copies that end in it. */
  #block: Buffer | undefined;
  #used = 0;
  #copies = 0;
  #observed = 0;
  /** Full parcels that wait for their turn; `#next` is the first that has not been given to the socket. */
  #queue: Parcel[] = [];
  #next = 0;
  #inFlightBytes = 0;
  #isPumping = false;
  /** Copies not yet settled, all together. */
  #copiesPending = 0;
  #observedPending = 0;
  #marked = false;
  #closed = false;

  constructor(options: SendQueueOptions) {
    this.#options = options;
  }

  /**
   * Takes `count` whole messages, `source[start, end)`. With `borrow` the bytes may leave uncopied, if nothing waits
   * and they are all or a large part of
   * `source`, or joined with others once for all who are given the same; the caller must not write to `source` again.
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
      this.dropped += count;
      return false;
    }
    const copies = observed ? ledger.taps : ledger.copies;
    copies.copies += count;
    copies.pending += count;
    if (observed) this.#observedPending += count;
    else this.#copiesPending += count;
    if (borrow && size > 4096 && size * 4 >= source.length && this.buffered === this.#gathered) {
      // Nothing waits but what this tick has gathered: it leaves first, then the range as it is.
      this.#seal();
      this.#grow(size);
      this.#queue.push({
        bytes: source.subarray(start, end),
        copies: observed ? 0 : count,
        observed: observed ? count : 0,
        block: undefined,
      });
      this.#pump();
      return true;
    }
    if (borrow && size === source.length && this.#mayRun(size)) this.#goOn(source);
    else this.#copy(source, start, end);
    if (observed) this.#observed += count;
    else this.#copies += count;
    this.#mark();
    return true;
  }

  /**
   * Takes bytes that are no copy of a message: answers, pings, greetings. Not subject to the limit, not counted.
   * `borrow` as for messages.
   */
  control(bytes: Buffer, borrow = false): void {
    if (this.#closed) return;
    if (borrow && this.#mayRun(bytes.length)) this.#goOn(bytes);
    else this.#copy(bytes, 0, bytes.length);
    this.#mark();
  }

  /** Hands everything that has gathered to the socket. */
  flush(): void {
    this.#marked = false;
    this.#pump();
  }

  /** The connection is gone: what waits is dropped and counted. */
  close(reason: DropReason = "closed"): void {
    if (this.#closed) return;
    this.#closed = true;
    const { ledger, total } = this.#options;
    settle(ledger.copies, this.#copiesPending, reason);
    settle(ledger.taps, this.#observedPending, reason);
    const held = this.buffered;
    this.buffered = 0;
    total.release(held);
    total.leave(this);
    this.#run = undefined;
    this.#block = undefined;
    this.#queue = [];
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

  /** Bytes of this tick that nobody has been asked to write. */
  get #gathered(): number {
    return this.#used + (this.#run?.size ?? 0);
  }

  #mayRun(size: number): boolean {
    const held = this.#run?.size ?? 0;
    return this.buffered === held && held + size <= runMaxBytes;
  }

  #goOn(frame: Buffer): void {
    this.#grow(frame.length);
    this.#run = this.#run === undefined ? this.#options.flusher.begin(frame) : this.#run.with(frame);
  }

  /** What joins a run and is none of it comes to lie behind it in a block: one write. */
  #unroll(run: FrameRun): void {
    this.#run = undefined;
    this.#block =
      run.size < firstBlockBytes ? Buffer.allocUnsafe(firstBlockBytes) : this.#options.flusher.blocks.take();
    this.#used = run.size;
    run.copyTo(this.#block);
  }

  /** Fills the open block and goes on in the next: the socket does not mind where a message is cut. */
  #copy(source: Buffer, start: number, end: number): void {
    this.#grow(end - start);
    if (this.#run !== undefined) this.#unroll(this.#run);
    let block = (this.#block ??= Buffer.allocUnsafe(firstBlockBytes));
    let at = start;
    while (at < end) {
      if (this.#used === block.length) {
        // The copies before this one end in the full block, this one ends later.
        this.#seal();
        this.#pump();
        block = this.#block = this.#options.flusher.blocks.take();
      }
      const take = Math.min(end - at, block.length - this.#used);
      source.copy(block, this.#used, at, at + take);
      this.#used += take;
      at += take;
    }
  }

  #seal(): void {
    const block = this.#block;
    const used = this.#used;
    if (this.#run !== undefined)
      this.#queue.push({ bytes: this.#run.bytes, copies: this.#copies, observed: this.#observed, block: undefined });
    else if (block === undefined || used === 0) return;
    else {
      this.#queue.push({
        bytes: used === block.length ? block : block.subarray(0, used),
        copies: this.#copies,
        observed: this.#observed,
        block: block.length === blockBytes ? block : undefined,
      });
    }
    this.#run = undefined;
    this.#block = undefined;
    this.#used = 0;
    this.#copies = 0;
    this.#observed = 0;
  }

  #mark(): void {
    if (this.#marked) return;
    this.#marked = true;
    this.#options.flusher.mark(this);
  }

  /**
   * Writes what waits, if no write is under way. The open block is filled on while one is: a peer that stops reading
   * costs
   * the bytes that wait for it, not a block per tick.
   */
  #pump(): void {
    if (this.#inFlightBytes > 0 || this.#closed || this.#isPumping) return;
    // A write may be done before it returns.
    this.#isPumping = true;
    while (this.#inFlightBytes < inFlightMaxBytes) {
      if (this.#next === this.#queue.length && this.#inFlightBytes === 0) this.#seal();
      const parcel = this.#queue[this.#next];
      if (parcel === undefined) break;
      this.#next += 1;
      this.#write(parcel);
    }
    this.#isPumping = false;
    if (this.#next === this.#queue.length) {
      if (this.#next > 0) this.#queue = [];
      this.#next = 0;
    } else if (this.#next >= 16) {
      this.#queue.splice(0, this.#next);
      this.#next = 0;
    }
  }

  #write({ block, bytes, copies, observed }: Parcel): void {
    this.#inFlightBytes += bytes.length;
    this.#options.wire.write(bytes, (error) => {
      if (this.#closed) return;
      const { ledger, total } = this.#options;
      const size = bytes.length;
      this.#inFlightBytes -= size;
      this.buffered -= size;
      this.#copiesPending -= copies;
      this.#observedPending -= observed;
      total.release(size);
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
      if (block !== undefined) this.#options.flusher.blocks.give(block);
      this.#pump();
    });
  }
}

function settle(copies: Ledger["copies"], count: number, reason: DropReason): void {
  copies.dropped[reason] += count;
  copies.pending -= count;
}

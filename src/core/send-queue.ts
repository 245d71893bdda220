import { Buffer } from "node:buffer"; // the global Buffer is a getter, which is slower
import { blockBytes, crowdRunMaxBytes, runMaxBytes } from "./flusher.js";
import type { Flushable, Flusher, FrameRun } from "./flusher.js";
import type { DropReason, Ledger } from "./ledger.js";
import type { BacklogTotal } from "./backlog-total.js";

/** The writing half of a socket. `done` is called once, now or later, when the bytes have left or cannot leave. */
export interface Wire {
  write(bytes: Buffer, done: (error?: Error | null) => void): void;
}

/** Bounds of a {@link SendQueue} and where it writes. */
export interface SendQueueOptions {
  readonly wire: Wire;
  readonly flusher: Flusher;
  readonly ledger: Ledger;
  readonly total: BacklogTotal;
  /** Most unsent bytes; a message beyond it is dropped. */
  readonly maxBytes: number;
  /** Closes the connection at once; called when its backlog is evicted. */
  readonly evict: () => void;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
}

/** Bytes for one write, and how many copies end in them: for receivers, for taps. */
interface Parcel {
  readonly bytes: Buffer;
  readonly copies: number;
  readonly observed: number;
  /** The pool's block that contains the bytes, to be given back. */
  readonly block: Buffer | undefined;
  /** The borrowed buffer in which the bytes lie; other queues may have borrowed it, too. */
  readonly source: Buffer | undefined;
}

/** The first bytes of a tick go to a small block: with large ones 1,000 idle connections would pin 64 MiB. */
const firstBlockBytes = 2048;
/**
 * Most bytes of one write, and all that is under way to one of a crowd. What a socket has no room for is written by the
 * system's loop, before anybody else is looked at: 1,000 sockets that drain at the same time must not hold it up.
 */
const writeMaxBytes = blockBytes;
/** After so many bytes a queue makes room for the others: 1 MiB for one of them took up to 8 ms. */
const flushMaxBytes = 256 * 1024;
/** A borrowed message of this size waits as it is behind whatever waits: copied 2,000 times, 1 MB would be 2 GB. */
const borrowedMinBytes = 16 * 1024;

/**
 * The frames that wait for one socket, in order, written once per tick: copied into blocks, or shared with the others of
 * a crowd, or lent as they are when they are large. It counts copies in the ledger: each becomes *written* when the write with its last byte completes, or *dropped* with a reason.
 */
export class SendQueue implements Flushable {
  /** Bytes accepted and not yet written. */
  buffered = 0;
  /** Messages dropped because the backlog was full, since the start. */
  dropped = 0;
  /** Monotonic time of the last completed write, or of the first byte that waits. */
  progressAt = 0;
  readonly #options: SendQueueOptions;
  /** Borrowed whole frames, if nothing else waits: they leave without a copy. */
  #run: FrameRun | undefined;
  /** So many bytes of it a crowd shares: the total is told of them when they are joined, or become this queue's own. */
  #untoldBytes = 0;
  /** The block that is being filled, and the copies that end in it. */
  #block: Buffer | undefined;
  #used = 0;
  #copies = 0;
  #observed = 0;
  /** Full parcels in order; `#next` is the first that was not given to the socket yet. */
  #queue: Parcel[] = [];
  #next = 0;
  /** How much of it was given already. */
  #givenOfNext = 0;
  #inFlightBytes = 0;
  /** The borrowed buffers that wait, in order, and how many bytes of `buffered` lie in them. */
  #lent: Buffer[] = [];
  #lentBytes = 0;
  #isPumping = false;
  /** Copies that are neither written nor dropped yet. */
  #copiesPending = 0;
  #observedPending = 0;
  #marked: "no" | "crowd" | "few" = "no";
  /** How it was marked last. */
  #line: "crowd" | "few" = "few";
  #closed = false;

  constructor(options: SendQueueOptions) {
    this.#options = options;
  }

  /**
   * Takes `count` whole messages, `source[start, end)`. With `borrow` the caller must not write to `source` again; the
   * bytes may then leave without a copy (if nothing waits and they are a large part of `source`) or in a run that is
   * shared with other sockets.
   * @returns false if they were dropped, because the backlog is full or the connection closed; they are counted then
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
    this.#mark(source, start);
    if (borrow && size * 4 >= source.length && this.#mayStay(size)) {
      // What has gathered leaves first, then the range itself, without a copy.
      this.#seal();
      this.#lend(source, size);
      this.#queue.push({
        bytes: source.subarray(start, end),
        copies: observed ? 0 : count,
        observed: observed ? count : 0,
        block: undefined,
        source,
      });
      return true;
    }
    if (borrow && size === source.length && this.#mayJoinRun(size)) this.#extendRun(source);
    else this.#copy(source, start, end);
    if (observed) this.#observed += count;
    else this.#copies += count;
    return true;
  }

  /**
   * Takes bytes that are not a copy of a message: answers, pings, greetings. They are not limited and not counted.
   * `borrow` is the same as in `append`.
   */
  control(bytes: Buffer, borrow = false): void {
    if (this.#closed) return;
    this.#mark(bytes, 0);
    if (borrow && this.#mayJoinRun(bytes.length)) this.#extendRun(bytes);
    else this.#copy(bytes, 0, bytes.length);
  }

  /** Gives what has gathered to the socket. @returns how many bytes */
  flush(): number {
    this.#marked = "no";
    return this.#pump();
  }

  /** The connection is gone: waiting copies are dropped and counted. */
  close(reason: DropReason = "closed"): void {
    if (this.#closed) return;
    this.#closed = true;
    const { ledger, total } = this.#options;
    settle(ledger.copies, this.#copiesPending, reason);
    settle(ledger.taps, this.#observedPending, reason);
    total.release(this.buffered - this.#lentBytes - this.#untoldBytes);
    for (const source of this.#lent) total.drop(source);
    this.#lent = [];
    this.buffered = 0;
    total.leave(this);
    this.#run = undefined;
    this.#block = undefined;
    this.#queue = [];
  }

  /** True once closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Closes the connection to free its memory. */
  evict(): void {
    this.#options.evict();
  }

  #addBytes(size: number): void {
    if (this.buffered === 0) this.progressAt = this.#options.monotonic();
    this.buffered += size;
    this.#options.total.take(this, size);
  }

  #addUntold(size: number): void {
    if (this.buffered === 0) this.#addBytes(0);
    this.buffered += size;
    this.#untoldBytes += size;
  }

  #lend(source: Buffer, size: number): void {
    if (this.buffered === 0) this.progressAt = this.#options.monotonic();
    this.buffered += size;
    this.#hold(source, size);
  }

  /** `size` bytes of `buffered` lie in a buffer that others may have, too. */
  #hold(source: Buffer, size: number): void {
    this.#lentBytes += size;
    this.#lent.push(source);
    this.#options.total.hold(this, size, source);
  }

  /** True if a borrowed range of this size is not copied. */
  #mayStay(size: number): boolean {
    return size >= borrowedMinBytes || (size > 4096 && this.buffered === this.#gathered);
  }

  /** Bytes of this tick that were not given to the socket yet. */
  get #gathered(): number {
    return this.#used + (this.#run?.size ?? 0);
  }

  #mayJoinRun(size: number): boolean {
    const gathered = this.#run?.size ?? 0;
    const most = this.#marked === "crowd" ? crowdRunMaxBytes : runMaxBytes;
    return this.buffered === gathered && gathered + size <= most;
  }

  #extendRun(frame: Buffer): void {
    if (this.#marked === "crowd") this.#addUntold(frame.length);
    else this.#addBytes(frame.length);
    this.#run = this.#run === undefined ? this.#options.flusher.begin(frame) : this.#run.with(frame);
  }

  /** Copies the run into a block, so that bytes which cannot join the run can follow it in the same write. */
  #copyRun(run: FrameRun): void {
    this.#run = undefined;
    this.#options.total.take(this, this.#untoldBytes);
    this.#untoldBytes = 0;
    this.#block =
      run.size < firstBlockBytes ? Buffer.allocUnsafe(firstBlockBytes) : this.#options.flusher.blocks.take();
    this.#used = run.size;
    run.copyTo(this.#block);
  }

  /** Fills the open block and continues in the next; a message may be cut anywhere between blocks. */
  #copy(source: Buffer, start: number, end: number): void {
    this.#addBytes(end - start);
    if (this.#run !== undefined) this.#copyRun(this.#run);
    let block = (this.#block ??= Buffer.allocUnsafe(firstBlockBytes));
    let at = start;
    while (at < end) {
      if (this.#used === block.length) {
        // Earlier copies end in the full block, this one ends in a later one.
        this.#seal();
        if (this.#marked !== "crowd") this.#pump();
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
    if (this.#run !== undefined) {
      const { bytes } = this.#run;
      const isShared = this.#untoldBytes > 0;
      if (isShared) {
        this.#options.total.release(bytes.length - this.#untoldBytes);
        this.#untoldBytes = 0;
        this.#hold(bytes, bytes.length);
      }
      this.#queue.push({
        bytes,
        copies: this.#copies,
        observed: this.#observed,
        block: undefined,
        source: isShared ? bytes : undefined,
      });
    } else if (block === undefined || used === 0) return;
    else {
      this.#queue.push({
        bytes: used === block.length ? block : block.subarray(0, used),
        copies: this.#copies,
        observed: this.#observed,
        block: block.length === blockBytes ? block : undefined,
        source: undefined,
      });
    }
    this.#run = undefined;
    this.#block = undefined;
    this.#used = 0;
    this.#copies = 0;
    this.#observed = 0;
  }

  /** What came for a crowd does not wait with it once something follows that goes to few. */
  #mark(bytes: Buffer, start: number): void {
    const line = this.#options.flusher.isForCrowd(bytes, start) ? "crowd" : "few";
    if (this.#marked !== "few" && this.#marked !== line) this.#markAs(line);
  }

  #markAs(line: "few" | "crowd"): void {
    this.#marked = line;
    this.#line = line;
    this.#options.flusher.mark(this, line);
  }

  /**
   * Writes what waits, 256 KiB at a time, unless a write is under way. Meanwhile the open block is filled further, so a
   * peer that stops reading costs the bytes that wait for it and not a block per tick.
   * @returns how many bytes were given to the socket
   */
  #pump(): number {
    if (this.#inFlightBytes > 0 || this.#closed || this.#isPumping) return 0;
    let given = 0;
    // A write may complete before `write` returns.
    this.#isPumping = true;
    const inFlightMaxBytes = this.#line === "few" ? flushMaxBytes : writeMaxBytes;
    while (this.#inFlightBytes < inFlightMaxBytes && given < flushMaxBytes) {
      if (this.#next === this.#queue.length && this.#inFlightBytes === 0) this.#seal();
      const parcel = this.#queue[this.#next];
      if (parcel === undefined) break;
      given += this.#write(parcel);
    }
    this.#isPumping = false;
    if (this.#next === this.#queue.length) {
      if (this.#next > 0) this.#queue = [];
      this.#next = 0;
    } else if (this.#next >= 16) {
      this.#queue.splice(0, this.#next);
      this.#next = 0;
    }
    // All of it has left already: no write is under way whose end would go on.
    if (this.#inFlightBytes === 0 && this.buffered > 0 && this.#marked === "no") this.#markAs(this.#line);
    return given;
  }

  /** Writes a parcel, or the next piece of it. @returns how many bytes */
  #write(parcel: Parcel): number {
    const start = this.#givenOfNext;
    const isLast = parcel.bytes.length - start <= writeMaxBytes;
    const end = isLast ? parcel.bytes.length : start + writeMaxBytes;
    this.#givenOfNext = isLast ? 0 : end;
    if (isLast) this.#next += 1;
    const size = end - start;
    this.#inFlightBytes += size;
    const bytes = size === parcel.bytes.length ? parcel.bytes : parcel.bytes.subarray(start, end);
    this.#options.wire.write(bytes, (error) => {
      if (!this.#closed) this.#written(size, parcel, isLast, error ?? undefined);
    });
    return size;
  }

  /** A write of a parcel is over, the last one of it or not. */
  #written(size: number, parcel: Parcel, isLast: boolean, error: Error | undefined): void {
    const { flusher, ledger, total } = this.#options;
    const copies = isLast ? parcel.copies : 0;
    const observed = isLast ? parcel.observed : 0;
    this.#inFlightBytes -= size;
    this.buffered -= size;
    this.#copiesPending -= copies;
    this.#observedPending -= observed;
    if (parcel.source === undefined) total.release(size);
    else this.#lentBytes -= size;
    if (parcel.source !== undefined && isLast) {
      this.#lent.shift();
      total.drop(parcel.source);
    }
    if (error !== undefined) {
      settle(ledger.copies, copies, "closed");
      settle(ledger.taps, observed, "closed");
      return;
    }
    ledger.copies.written += copies;
    ledger.copies.pending -= copies;
    ledger.taps.written += observed;
    ledger.taps.pending -= observed;
    this.progressAt = this.#options.monotonic();
    if (parcel.block !== undefined) flusher.blocks.give(parcel.block);
    if (this.#isPumping || this.buffered === 0) return;
    // A crowd that drains at the same time takes turns; whoever is one of few goes on at once.
    if (this.#line === "few") this.#pump();
    else if (this.#marked === "no") this.#markAs("crowd");
  }
}

function settle(copies: Ledger["copies"], count: number, reason: DropReason): void {
  copies.dropped[reason] += count;
  copies.pending -= count;
}

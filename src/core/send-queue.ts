import { Buffer } from "node:buffer"; // the global Buffer is a getter, which is slower
import { blockBytes, crowdRunMaxBytes, runMaxBytes } from "./flusher.js";
import type { Flushable, FrameRun } from "./flusher.js";
import type { DropReason } from "./ledger.js";
import { ParcelWriter, writeMaxBytes, type ParcelOwner, type ParcelWriterOptions } from "./parcel-writer.js";

/** Bounds of a {@link SendQueue} and where it writes. */
export interface SendQueueOptions extends ParcelWriterOptions {
  /** Most unsent bytes; a message beyond it is dropped. */
  readonly maxBytes: number;
  /** Closes the connection at once; called when its backlog is evicted. */
  readonly evict: () => void;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
}

/** The first bytes of a tick go to a small block: with large ones 1,000 idle connections would pin 64 MiB. */
const firstBlockBytes = 2048;
/** After so many bytes a queue makes room for the others: 1 MiB for one of them took up to 8 ms. */
const flushMaxBytes = 256 * 1024;
/** A borrowed message of this size waits as it is behind whatever waits: copied 2,000 times, 1 MB would be 2 GB. */
const borrowedMinBytes = 16 * 1024;

/**
 * The frames that wait for one socket, in order, written once per tick: copied into blocks, or shared with the others of
 * a crowd, or lent as they are when they are large. It counts each copy in the ledger as *pending* or *dropped*, and
 * gives what has gathered to its {@link ParcelWriter} when the socket has its turn.
 */
export class SendQueue implements Flushable, ParcelOwner {
  /** Bytes accepted and not yet written. */
  buffered = 0;
  /** Messages dropped because the backlog was full, since the start. */
  dropped = 0;
  /** Monotonic time of the last completed write, or of the first byte that waits. */
  progressAt = 0;
  readonly #options: SendQueueOptions;
  readonly #writer: ParcelWriter;
  /** Borrowed whole frames, if nothing else waits: they leave without a copy. */
  #run: FrameRun | undefined;
  /** So many bytes of it a crowd shares: the total is told of them when they are joined, or become this queue's own. */
  #untoldBytes = 0;
  /** The block that is being filled, and the copies that end in it. */
  #block: Buffer | undefined;
  #used = 0;
  #copies = 0;
  #observed = 0;
  #isPumping = false;
  /** Copies that are in no parcel yet; also one that is being copied, whose end may come in a later block. */
  #copiesPending = 0;
  #observedPending = 0;
  #marked: "no" | "crowd" | "few" = "no";
  /** How it was marked last. */
  #line: "crowd" | "few" = "few";
  #closed = false;
  /** Runs when so many bytes more have left. */
  #awaited: { left: number; readonly run: () => void } | undefined;

  constructor(options: SendQueueOptions) {
    this.#options = options;
    this.#writer = new ParcelWriter(options, this);
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
      if (this.buffered === 0) this.progressAt = this.#options.monotonic();
      this.buffered += size;
      this.#put(source.subarray(start, end), observed ? 0 : count, observed ? count : 0, undefined, source);
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

  /**
   * True if a message of so many bytes may be handed over at the pace of its receiver: half of the backlog is left to
   * what does not wait.
   */
  hasRoomFor(bytes: number): boolean {
    const { maxBytes } = this.#options;
    return !this.#closed && this.buffered <= maxBytes / 2 && this.buffered + bytes <= maxBytes;
  }

  /** Calls `run` once all that waits now has been written, and never if it cannot be. One at a time. */
  whenWritten(run: () => void): void {
    if (this.#closed) return;
    if (this.buffered === 0) run();
    else this.#awaited = { left: this.buffered, run };
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
    ledger.dropPending(reason, this.#copiesPending, false);
    ledger.dropPending(reason, this.#observedPending, true);
    total.release(this.buffered - this.#writer.lentBytes - this.#untoldBytes);
    this.#writer.close(reason);
    this.buffered = 0;
    this.#awaited = undefined;
    total.leave(this);
    this.#run = undefined;
    this.#block = undefined;
  }

  /** True once closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Closes the connection to free its memory. */
  evict(): void {
    this.#options.evict();
  }

  /** Its writer's: a write is over. */
  left(size: number, error: Error | undefined): void {
    this.buffered -= size;
    if (error !== undefined) return;
    if (this.#awaited !== undefined) this.#countDown(this.#awaited, size);
    this.progressAt = this.#options.monotonic();
    if (this.#isPumping || this.buffered === 0) return;
    // A crowd that drains at the same time takes turns; whoever is one of few goes on at once.
    if (this.#line === "few") this.#pump();
    else if (this.#marked === "no") this.#markAs("crowd");
  }

  #countDown(awaited: { left: number; readonly run: () => void }, size: number): void {
    awaited.left -= size;
    if (awaited.left > 0) return;
    this.#awaited = undefined;
    awaited.run();
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
      }
      this.#put(bytes, this.#copies, this.#observed, undefined, isShared ? bytes : undefined);
    } else if (block === undefined || used === 0) return;
    else {
      const bytes = used === block.length ? block : block.subarray(0, used);
      const pooled = block.length === blockBytes ? block : undefined;
      this.#put(bytes, this.#copies, this.#observed, pooled, undefined);
    }
    this.#run = undefined;
    this.#block = undefined;
    this.#used = 0;
    this.#copies = 0;
    this.#observed = 0;
  }

  /** Hands bytes and the copies that end in them to the writer. */
  #put(bytes: Buffer, copies: number, observed: number, block: Buffer | undefined, source: Buffer | undefined): void {
    this.#copiesPending -= copies;
    this.#observedPending -= observed;
    this.#writer.put({ bytes, copies, observed, block, source });
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
    const writer = this.#writer;
    if (writer.inFlightBytes > 0 || this.#closed || this.#isPumping) return 0;
    let given = 0;
    // A write may complete before `write` returns.
    this.#isPumping = true;
    try {
      const inFlightMaxBytes = this.#line === "few" ? flushMaxBytes : writeMaxBytes;
      while (writer.inFlightBytes < inFlightMaxBytes && given < flushMaxBytes) {
        if (writer.isEmpty && writer.inFlightBytes === 0) this.#seal();
        if (writer.isEmpty) break;
        given += writer.write();
      }
    } finally {
      this.#isPumping = false;
    }
    writer.tidy();
    // All of it has left already: no write is under way whose end would go on.
    if (writer.inFlightBytes === 0 && this.buffered > 0 && this.#marked === "no") this.#markAs(this.#line);
    return given;
  }
}

import { blockBytes, type Flusher } from "./flusher.js";
import type { DropReason, Ledger } from "./ledger.js";
import type { Backlog, BacklogTotal } from "./backlog-total.js";

/** The writing half of a socket. `done` is called once, now or later, when the bytes have left or cannot leave. */
export interface Wire {
  write(bytes: Buffer, done: (error?: Error | null) => void): void;
}

/** Where a {@link ParcelWriter} writes and who counts it. */
export interface ParcelWriterOptions {
  readonly wire: Wire;
  /** Gets the blocks back. */
  readonly flusher: Flusher;
  readonly ledger: Ledger;
  readonly total: BacklogTotal;
}

/** Whose parcels a {@link ParcelWriter} writes. */
export interface ParcelOwner extends Backlog {
  /** A write is over and its copies are counted: how many bytes, and why they did not leave. */
  left(size: number, error: Error | undefined): void;
}

/** Bytes that leave together, and how many copies end in them: for receivers, for taps. */
export interface Parcel {
  readonly bytes: Buffer;
  readonly copies: number;
  readonly observed: number;
  /** The pool's block that contains the bytes, to be given back. */
  readonly block: Buffer | undefined;
  /** The borrowed buffer in which the bytes lie; other queues may have borrowed it, too. */
  readonly source: Buffer | undefined;
}

/**
 * Most bytes of one write, and all that is under way to one of a crowd. What a socket has no room for is written by the
 * system's loop, before anybody else is looked at: 1,000 sockets that drain at the same time must not hold it up.
 */
export const writeMaxBytes = blockBytes;

/**
 * The parcels of one socket, in order, and the writes under way. It decides nothing: the send queue says when to write.
 * The copies in a parcel become *written* in the ledger when the write with its last byte completes, or *dropped* with
 * a reason.
 */
export class ParcelWriter {
  /** Bytes given to the socket whose write has not completed. */
  inFlightBytes = 0;
  /** Bytes of the parcels that lie in borrowed buffers and have not left yet. */
  lentBytes = 0;
  readonly #options: ParcelWriterOptions;
  readonly #owner: ParcelOwner;
  /** Parcels in order; `#next` is the first that was not given to the socket yet. */
  #parcels: Parcel[] = [];
  #next = 0;
  /** How much of it was given already. */
  #givenOfNext = 0;
  /** The borrowed buffers that wait, in order. */
  #lent: Buffer[] = [];
  /** Copies in parcels that are neither written nor dropped yet. */
  #copiesPending = 0;
  #observedPending = 0;
  #stage: "open" | "ended" = "open";

  constructor(options: ParcelWriterOptions, owner: ParcelOwner) {
    this.#options = options;
    this.#owner = owner;
  }

  /** True if every parcel was given to the socket. */
  get isEmpty(): boolean {
    return this.#next === this.#parcels.length;
  }

  /** Takes a parcel, whose bytes the owner counts already; the total is told of those that are borrowed. */
  put(parcel: Parcel): void {
    const { bytes, copies, observed, source } = parcel;
    this.#copiesPending += copies;
    this.#observedPending += observed;
    if (source !== undefined) {
      this.lentBytes += bytes.length;
      this.#lent.push(source);
      this.#options.total.hold(this.#owner, bytes.length, source);
    }
    this.#parcels.push(parcel);
  }

  /** Gives the next parcel to the socket, or the next piece of it. @returns how many bytes; 0 if there is none */
  write(): number {
    const parcel = this.#parcels[this.#next];
    if (parcel === undefined) return 0;
    const start = this.#givenOfNext;
    const isLast = parcel.bytes.length - start <= writeMaxBytes;
    const end = isLast ? parcel.bytes.length : start + writeMaxBytes;
    this.#givenOfNext = isLast ? 0 : end;
    if (isLast) this.#next += 1;
    const size = end - start;
    this.inFlightBytes += size;
    const bytes = size === parcel.bytes.length ? parcel.bytes : parcel.bytes.subarray(start, end);
    this.#options.wire.write(bytes, (error) => {
      if (this.#stage === "open") this.#written(size, parcel, isLast, error ?? undefined);
    });
    return size;
  }

  /** Lets go of the parcels that were given to the socket. */
  tidy(): void {
    if (this.isEmpty) {
      if (this.#next > 0) this.#parcels = [];
      this.#next = 0;
    } else if (this.#next >= 16) {
      this.#parcels.splice(0, this.#next);
      this.#next = 0;
    }
  }

  /** The connection is gone: what has not left is dropped and counted. */
  close(reason: DropReason): void {
    this.#stage = "ended";
    const { ledger, total } = this.#options;
    ledger.dropPending(reason, this.#copiesPending, false);
    ledger.dropPending(reason, this.#observedPending, true);
    for (const source of this.#lent) total.drop(source);
    this.#lent = [];
    this.#parcels = [];
    this.#next = 0;
  }

  /** A write of a parcel is over, the last one of it or not. */
  #written(size: number, parcel: Parcel, isLast: boolean, error: Error | undefined): void {
    const { flusher, ledger, total } = this.#options;
    const copies = isLast ? parcel.copies : 0;
    const observed = isLast ? parcel.observed : 0;
    this.inFlightBytes -= size;
    this.#copiesPending -= copies;
    this.#observedPending -= observed;
    if (parcel.source === undefined) total.release(size);
    else this.lentBytes -= size;
    if (parcel.source !== undefined && isLast) {
      this.#lent.shift();
      total.drop(parcel.source);
    }
    if (error === undefined) {
      ledger.copies.written += copies;
      ledger.copies.pending -= copies;
      ledger.taps.written += observed;
      ledger.taps.pending -= observed;
      if (parcel.block !== undefined) flusher.blocks.give(parcel.block);
    } else {
      ledger.dropPending("closed", copies, false);
      ledger.dropPending("closed", observed, true);
    }
    this.#owner.left(size, error);
  }
}

import type { Ledger } from "./ledger.js";

/** A connection's unsent bytes. `evict` closes the connection to free them. */
export interface Backlog {
  readonly buffered: number;
  evict(): void;
}

/** A buffer that several backlogs share, and how many hold it. */
interface Shared {
  readonly buffer: Buffer;
  holders: number;
  /** Nobody held it a moment ago: it is forgotten at the end of this piece of work, if nobody does then. */
  isUnheld: boolean;
}

/** So many backlogs are evicted in one turn of the loop. */
const evictedInTurn = 16;

/** The unsent bytes of all connections together. Beyond the limit the largest backlogs are evicted, one by one. */
export class BacklogTotal {
  /** Bytes that several backlogs share count once. */
  bytes = 0;
  // bound: zmqConnectionsMax + wsConnectionsMax · evicts: a connection leaves when it closes · owner: BacklogTotal
  readonly #backlogs = new Set<Backlog>();
  // bound: zmqConnectionsMax + wsConnectionsMax, backlogTotalMaxBytes · evicts: when nobody holds it · owner: BacklogTotal
  readonly #shared = new Map<Buffer, Shared>();
  /** The one that was held last: a crowd holds and drops the same buffer thousands of times in a row. */
  #last: Shared | undefined;
  readonly #maxBytes: number;
  readonly #ledger: Ledger;
  #evicting = false;

  constructor(maxBytes: number, ledger: Ledger) {
    this.#maxBytes = maxBytes;
    this.#ledger = ledger;
  }

  /** `backlog` has grown by `size` bytes, which its `buffered` already counts. */
  take(backlog: Backlog, size: number): void {
    if (backlog.buffered === size) this.#backlogs.add(backlog);
    this.#grow(size);
  }

  /** `backlog` has grown by `size` bytes of a buffer that others may hold, too; it is `drop`ped once by each. */
  hold(backlog: Backlog, size: number, buffer: Buffer): void {
    if (backlog.buffered === size) this.#backlogs.add(backlog);
    let shared = this.#find(buffer);
    if (shared === undefined) this.#shared.set(buffer, (shared = { buffer, holders: 0, isUnheld: false }));
    this.#last = shared;
    shared.holders += 1;
    if (shared.holders === 1) this.#grow(buffer.length);
  }

  /** A backlog holds nothing of the buffer any more. */
  drop(buffer: Buffer): void {
    const shared = this.#find(buffer);
    if (shared === undefined || shared.holders === 0) return;
    shared.holders -= 1;
    if (shared.holders > 0) return;
    this.bytes -= buffer.length;
    this.#forgetLater(shared);
  }

  /** A backlog has shrunk by `size` bytes, which its `buffered` no longer counts. */
  release(size: number): void {
    this.bytes -= size;
  }

  /**
   * The connection of `backlog` has closed. Until then a backlog stays in the set even while it is empty: adding and
   * removing it with each message was a twentieth of a fan-out's time.
   */
  leave(backlog: Backlog): void {
    this.#backlogs.delete(backlog);
  }

  /** Not at once: the next one of a crowd holds it in a moment. */
  #forgetLater(shared: Shared): void {
    if (shared.isUnheld) return;
    shared.isUnheld = true;
    queueMicrotask(() => {
      shared.isUnheld = false;
      if (shared.holders > 0) return;
      this.#shared.delete(shared.buffer);
      if (this.#last === shared) this.#last = undefined;
    });
  }

  #find(buffer: Buffer): Shared | undefined {
    return this.#last?.buffer === buffer ? this.#last : this.#shared.get(buffer);
  }

  #grow(size: number): void {
    this.bytes += size;
    if (this.bytes <= this.#maxBytes || this.#evicting) return;
    this.#evicting = true;
    // Not at once: the caller may be the one to be evicted, and it is in the middle of taking a message.
    queueMicrotask(() => {
      this.#evict();
    });
  }

  /** What a backlog shares with others is free when the last of them has gone. */
  #evict(): void {
    for (let at = 0; at < evictedInTurn; at += 1)
      if (this.bytes <= this.#maxBytes || !this.#evictLargest()) {
        this.#evicting = false;
        return;
      }
    setImmediate(() => {
      this.#evict();
    });
  }

  /** @returns false if there is none, or it frees its bytes later */
  #evictLargest(): boolean {
    let largest: Backlog | undefined;
    for (const backlog of this.#backlogs) {
      if (largest === undefined || backlog.buffered > largest.buffered) largest = backlog;
    }
    if (largest === undefined || largest.buffered === 0) return false;
    this.#ledger.count("evicted-largest-backlog");
    largest.evict();
    return largest.buffered === 0;
  }
}

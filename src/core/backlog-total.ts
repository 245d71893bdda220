import type { Ledger } from "./ledger.js";

/** A connection's unsent bytes. `evict` closes the connection to free them. */
export interface Backlog {
  readonly buffered: number;
  evict(): void;
}

/** So many backlogs are evicted in one turn of the loop. */
const evictedInTurn = 16;

/** The unsent bytes of all connections together. Beyond the limit the largest backlogs are evicted, one by one. */
export class BacklogTotal {
  /** Bytes that several backlogs share count once. */
  bytes = 0;
  // bound: zmqConnectionsMax + wsConnectionsMax · evicts: a connection leaves when it closes · owner: BacklogTotal
  readonly #backlogs = new Set<Backlog>();
  /** How many backlogs hold a buffer that they share. */
  // bound: zmqConnectionsMax + wsConnectionsMax, backlogTotalMaxBytes · evicts: when nobody holds it · owner: BacklogTotal
  readonly #shared = new Map<Buffer, number>();
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
    const holders = this.#shared.get(buffer) ?? 0;
    this.#shared.set(buffer, holders + 1);
    if (holders === 0) this.#grow(buffer.length);
  }

  /** A backlog holds nothing of the buffer any more. */
  drop(buffer: Buffer): void {
    const holders = this.#shared.get(buffer) ?? 0;
    if (holders > 1) this.#shared.set(buffer, holders - 1);
    else if (this.#shared.delete(buffer)) this.bytes -= buffer.length;
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

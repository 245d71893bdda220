import type { Ledger } from "./ledger.js";

/** A connection's unsent bytes. `evict` closes the connection to free them. */
export interface Backlog {
  readonly buffered: number;
  evict(): void;
}

/** The unsent bytes of all connections together. Beyond the limit only the largest backlog is evicted. */
export class BacklogTotal {
  bytes = 0;
  // bound: zmqConnectionsMax + wsConnectionsMax · evicts: a connection leaves when it closes · owner: BacklogTotal
  readonly #backlogs = new Set<Backlog>();
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
    this.bytes += size;
    if (this.bytes <= this.#maxBytes || this.#evicting) return;
    this.#evicting = true;
    // Not at once: the caller may be the one to be evicted, and it is in the middle of taking a message.
    queueMicrotask(() => {
      this.#evictLargest();
    });
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

  #evictLargest(): void {
    this.#evicting = false;
    if (this.bytes <= this.#maxBytes) return;
    let largest: Backlog | undefined;
    for (const backlog of this.#backlogs) {
      if (largest === undefined || backlog.buffered > largest.buffered) largest = backlog;
    }
    if (largest === undefined || largest.buffered === 0) return;
    this.#ledger.count("evicted-largest-backlog");
    largest.evict();
  }
}

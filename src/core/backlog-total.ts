import type { Ledger } from "./ledger.js";

/** Something that holds unsent bytes and can be made to let go. */
export interface Backlog {
  readonly buffered: number;
  evict(): void;
}

/** The unsent bytes of all connections together. Beyond the limit the largest backlog is evicted, nobody else. */
export class BacklogTotal {
  bytes = 0;
  // bound: zmqConnectionsMax + wsConnectionsMax · evicts: a connection leaves when it closes · owner: BacklogTotal
  readonly #holders = new Set<Backlog>();
  readonly #maxBytes: number;
  readonly #ledger: Ledger;
  #evicting = false;

  constructor(maxBytes: number, ledger: Ledger) {
    this.#maxBytes = maxBytes;
    this.#ledger = ledger;
  }

  /** `holder` has taken `size` bytes more, already in its `buffered`. */
  take(holder: Backlog, size: number): void {
    if (holder.buffered === size) this.#holders.add(holder);
    this.bytes += size;
    if (this.bytes <= this.#maxBytes || this.#evicting) return;
    this.#evicting = true;
    // Not at once: the holder that calls may be the one to go, and it is in the middle of taking a message.
    queueMicrotask(() => {
      this.#evictLargest();
    });
  }

  /** A holder has given `size` bytes back, already gone from its `buffered`. */
  release(size: number): void {
    this.bytes -= size;
  }

  /**
   * `holder` holds nothing more and never will. It stays until then, empty or not: coming and going with each message
   * was a twentieth of a fan-out's time.
   */
  leave(holder: Backlog): void {
    this.#holders.delete(holder);
  }

  #evictLargest(): void {
    this.#evicting = false;
    if (this.bytes <= this.#maxBytes) return;
    let largest: Backlog | undefined;
    for (const holder of this.#holders) {
      if (largest === undefined || holder.buffered > largest.buffered) largest = holder;
    }
    if (largest === undefined || largest.buffered === 0) return;
    this.#ledger.count("evicted-largest-backlog");
    largest.evict();
  }
}

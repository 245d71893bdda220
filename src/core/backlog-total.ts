import type { Ledger } from "./ledger.js";

/** Something that holds unsent bytes and can be made to let go. */
export interface Backlog {
  readonly buffered: number;
  evict(): void;
}

/** The unsent bytes of all connections together. Beyond the limit the largest backlog is evicted, nobody else. */
export class BacklogTotal {
  bytes = 0;
  // bound: zmqConnectionsMax + wsConnectionsMax · evicts: a connection leaves when all its bytes are written · owner: BacklogTotal
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

  /** `holder` has given `size` bytes back, already gone from its `buffered`. */
  release(holder: Backlog, size: number): void {
    this.bytes -= size;
    if (holder.buffered === 0) this.#holders.delete(holder);
  }

  #evictLargest(): void {
    this.#evicting = false;
    if (this.bytes <= this.#maxBytes) return;
    let largest: Backlog | undefined;
    for (const holder of this.#holders) {
      if (largest === undefined || holder.buffered > largest.buffered) largest = holder;
    }
    if (largest === undefined) return;
    this.#ledger.count("evicted-largest-backlog");
    largest.evict();
  }
}

import { encodeCompressed } from "../binary/encode.js";
import { compressedHeaderBytes } from "../binary/frame.js";
import { compress } from "../compression.js";
import type { Compression } from "./stream-session.js";

/** Milliseconds of a tick that may go into compression; what comes beyond it is sent as it is. */
const budgetMs = 6;
/** What is smaller gains nothing. */
const packedMinBytes = 200;
/** What a byte costs before it was measured, nanoseconds. */
const firstGuess = 60;

/** Makes what many hear smaller, once for all of them, as long as a tick has time for it (Visualisation §2.5). */
export class Packing {
  #leftMs = budgetMs;
  /** Nanoseconds that a byte costs, by algorithm and level. */
  // bound: algorithms × levels that are granted · evicts: nothing · owner: Packing
  readonly #costs = new Map<string, number>();

  /** A new tick. */
  refill(): void {
    this.#leftMs = budgetMs;
  }

  /** A compressed batch of these bytes; undefined where they are not to be compressed. */
  pack({ algorithm, level }: Compression, bytes: Uint8Array): Buffer | undefined {
    if (bytes.length < packedMinBytes) return undefined;
    const key = `${algorithm} ${String(level)}`;
    const cost = this.#costs.get(key) ?? firstGuess;
    if (bytes.length * cost > this.#leftMs * 1e6) {
      // It may have been a moment in which everything was slow: it is tried again after a while.
      this.#costs.set(key, 0.98 * cost);
      return undefined;
    }
    const before = process.cpuUsage();
    const data = compress(algorithm, level, bytes);
    const { user, system } = process.cpuUsage(before);
    const spentMs = (user + system) / 1_000;
    this.#leftMs -= spentMs;
    this.#costs.set(key, 0.8 * cost + 0.2 * ((spentMs * 1e6) / bytes.length));
    if (data.length + compressedHeaderBytes >= bytes.length) return undefined;
    const { buffer, byteOffset, length } = encodeCompressed(bytes.length, data);
    return Buffer.from(buffer, byteOffset, length);
  }
}

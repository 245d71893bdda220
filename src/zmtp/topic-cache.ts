import { isUtf8 } from "node:buffer";

interface Slot {
  readonly bytes: Buffer;
  readonly text: string;
}

const slotCount = 4096;

/**
 * Topics as text for the bytes that came: making a string costs 0.1 µs, comparing bytes a tenth of it. A fixed table, one topic per slot;
 * it holds text only, never routes, so nothing in it can be out of date.
 */
export class TopicCache {
  readonly #slots = new Array<Slot | undefined>(slotCount).fill(undefined);

  /** `chunk[start, end)` as text, or undefined if it is not UTF-8. */
  text(chunk: Buffer, start: number, end: number): string | undefined {
    let hash = end - start;
    let high = 0;
    for (let at = start; at < end; at += 1) {
      const byte = chunk[at] ?? 0;
      hash = (Math.imul(hash, 31) + byte) | 0;
      high |= byte;
    }
    const place = (hash ^ (hash >>> 12)) & (slotCount - 1);
    const slot = this.#slots[place];
    if (slot !== undefined && same(slot.bytes, chunk, start, end)) return slot.text;
    if (high >= 0x80 && !isUtf8(chunk.subarray(start, end))) return undefined;
    const text = chunk.toString(high < 0x80 ? "latin1" : "utf8", start, end);
    this.#slots[place] = { bytes: Buffer.from(chunk.subarray(start, end)), text };
    return text;
  }
}

function same(bytes: Buffer, chunk: Buffer, start: number, end: number): boolean {
  const size = end - start;
  if (bytes.length !== size) return false;
  for (let at = 0; at < size; at += 1) if (bytes[at] !== chunk[start + at]) return false;
  return true;
}

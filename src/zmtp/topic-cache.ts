import { isUtf8 } from "node:buffer";

/** Room for twice as many topics as are common, so that few share a place: 10,000 rooms cost 0.2 µs per message more than ten. */
const placeCount = 32_768;
/** Longer topics are nobody's name and are read anew: hostile ones would fill the table with 32 MiB. */
const keptMaxBytes = 128;

/**
 * Topics as text for the bytes that came: making a string costs 0.1 µs and its hash as much again, comparing bytes a tenth of it. A fixed table,
 * one topic per place; it holds text only, never routes, so nothing in it can be out of date. Topics that are not ASCII are read anew.
 */
export class TopicCache {
  readonly #texts = new Array<string>(placeCount).fill("");

  /** `chunk[start, end)` as text, or undefined if it is not UTF-8. */
  text(chunk: Buffer, start: number, end: number): string | undefined {
    const size = end - start;
    let hash = size;
    let high = 0;
    for (let at = start; at < end; at += 1) {
      const byte = chunk[at] ?? 0;
      hash = (Math.imul(hash, 31) + byte) | 0;
      high |= byte;
    }
    if (high >= 0x80) return isUtf8(chunk.subarray(start, end)) ? chunk.toString("utf8", start, end) : undefined;
    const place = (Math.imul(hash, 0x9e3779b1) >>> 17) & (placeCount - 1);
    const known = this.#texts[place] ?? "";
    if (known.length === size && same(known, chunk, start)) return known;
    const text = chunk.toString("latin1", start, end);
    if (size <= keptMaxBytes) this.#texts[place] = text;
    return text;
  }
}

function same(text: string, chunk: Buffer, start: number): boolean {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) !== chunk[start + at]) return false;
  return true;
}

import { brokersKeys } from "../../core/index.js";

/** The keys in UTF-16 and UTF-32, as far as both byte orders write them alike. */
const needles = brokersKeys.flatMap((key) => ["\0", "\0\0\0"].map((zeros) => Buffer.from(Array.from(key).join(zeros))));

/**
 * True if `bytes[start, end)` may be JSON in UTF-16 or UTF-32 that has a key of the broker's. RFC 8259 §8.1 knows UTF-8
 * only, but Python's reader guesses
 * the others from a zero byte or a byte order mark at the beginning; what begins in another way is seen at a glance.
 */
export function hasWideKey(bytes: Buffer, start: number, end: number): boolean {
  if (bytes[start] !== 0 && bytes[start + 1] !== 0 && (bytes[start] ?? 0) < 0xfe) return false;
  const payload = bytes.subarray(start, end);
  return needles.some((needle) => payload.includes(needle));
}

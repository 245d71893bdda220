import type { Bytes } from "./sodium.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A text in UTF-8. Half a character becomes U+FFFD: texts of the wire have none where this is called. */
export function utf8(text: string): Bytes {
  return encoder.encode(text);
}

/** The text of bytes in UTF-8. Throws a TypeError where they are none; a byte order mark is kept as what it is. */
export function textOf(bytes: Bytes): string {
  return decoder.decode(bytes);
}

/** Several runs of bytes as one. */
export function joined(...parts: readonly Bytes[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A length as four bytes, the highest first. */
export function u32be(length: number): Bytes {
  return Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length);
}

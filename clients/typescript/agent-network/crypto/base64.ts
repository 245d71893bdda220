import { sodium, type Bytes } from "./sodium.js";

/** Bytes as base64 with padding (RFC 4648 §4). */
export function toBase64(bytes: Bytes): string {
  const library = sodium();
  return library.to_base64(bytes, library.base64_variants.ORIGINAL);
}

const shape = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * The bytes of a text in base64 with padding, or undefined (Agent Network §10). Each run of bytes has exactly one text:
 * white space, the alphabet for URLs, missing padding and stray bits behind the last byte are not taken.
 */
export function fromBase64(text: string): Bytes | undefined {
  if (text.length % 4 !== 0 || !shape.test(text)) return undefined;
  const library = sodium();
  try {
    return library.from_base64(text, library.base64_variants.ORIGINAL);
  } catch {
    return undefined; // the library says no more than that it is none
  }
}

import { utf8 } from "./crypto/bytes.js";
import { sodium } from "./crypto/sodium.js";

/**
 * The conversation of two names, whichever of them speaks, or of one room (Agent Network §4.4, §10.9): `conv_` and the
 * first 32 hexadecimal digits of SHA-256 over the names in UTF-8, sorted by their UTF-16 units, a line feed between them.
 */
export async function conversationIdOf(...names: readonly string[]): Promise<string> {
  const text = Uint8Array.from(utf8([...names].sort().join("\n")));
  const hash = await globalThis.crypto.subtle.digest("SHA-256", text);
  return `conv_${sodium().to_hex(new Uint8Array(hash)).slice(0, 32)}`;
}

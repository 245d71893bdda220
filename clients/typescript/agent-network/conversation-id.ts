import { utf8 } from "./crypto/bytes.js";
import { sodium } from "./crypto/sodium.js";

/** So many names have their conversations remembered: WebCrypto's hash is a quarter of what saying a message costs. */
const rememberedMax = 256;

// bound: rememberedMax · evicts: the oldest · owner: this module, of a function without state
const remembered = new Map<string, string>();

/**
 * The conversation of two names, whichever of them speaks, or of one room (Agent Network §4.4, §10.9): `conv_` and the
 * first 32 hexadecimal digits of SHA-256 over the names in UTF-8, sorted by their UTF-16 units, a line feed between them.
 */
export async function conversationIdOf(...names: readonly string[]): Promise<string> {
  const text = [...names].sort().join("\n");
  const known = remembered.get(text);
  if (known !== undefined) return known;
  const hash = await globalThis.crypto.subtle.digest("SHA-256", Uint8Array.from(utf8(text)));
  const id = `conv_${sodium().to_hex(new Uint8Array(hash)).slice(0, 32)}`;
  const [oldest] = remembered.size >= rememberedMax ? remembered.keys() : [];
  if (oldest !== undefined) remembered.delete(oldest);
  remembered.set(text, id);
  return id;
}

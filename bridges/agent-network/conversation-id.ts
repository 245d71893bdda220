import { createHash } from "node:crypto";

/**
 * The conversation of two names, whichever of them speaks, or of one room: `conv_` and the first 32 hexadecimal digits of
 * SHA-256 over the names in UTF-8, sorted by their UTF-16 units, with a line feed between them (Agent Network §4.4).
 */
export function conversationId(...names: readonly string[]): string {
  const text = [...names].sort().join("\n");
  return `conv_${createHash("sha256").update(text).digest("hex").slice(0, 32)}`;
}

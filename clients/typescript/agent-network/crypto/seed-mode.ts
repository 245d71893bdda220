import { joined } from "./bytes.js";
import { canonicalBytes } from "./canonical-json.js";
import { CryptoProblem } from "./problem.js";
import { decrypt, encrypt, parsed, signed, type SealedContent, type SealedParts } from "./sealed.js";
import { canonicalOfPeer, fieldsOf, type Fields } from "./shape.js";
import { isSigned } from "./signature.js";
import type { Bytes } from "./sodium.js";

/** What of a frame seed mode needs; only `metadata` is covered by the signature (Agent Network §13.3). */
export interface SeedHead {
  readonly originalType: string;
  readonly metadata: Fields;
}

/**
 * Seals a message for a peer in seed mode (Agent Network §13.3): no counter, no associated data. `key` is `encryption`
 * of the pair's keys, `nonce` 24 bytes that were never used with it: random ones.
 */
export function sealForSeed(
  head: SeedHead,
  content: Fields,
  key: Bytes,
  signingKey: Bytes,
  nonce: Bytes,
): SealedContent {
  const encryptedData = encrypt(canonicalBytes(content), null, nonce, key);
  const text = signedForSeed(nonce, encryptedData, canonicalBytes(head.metadata));
  return signed(encryptedData, nonce, head.originalType, text, signingKey);
}

/**
 * Looks at the signature of a frame in seed mode. Throws a {@link CryptoProblem} "bad-signature", or "malformed" for
 * metadata that has no canonical text.
 */
export function verifyForSeed(head: Pick<SeedHead, "metadata">, parts: SealedParts, verifyKey: Bytes): void {
  const text = signedForSeed(parts.nonce, parts.encryptedData, canonicalOfPeer(head.metadata));
  if (!isSigned(parts.signature, text, verifyKey)) {
    throw new CryptoProblem("bad-signature", "the signature of the frame is not that of its sender's pinned key");
  }
}

/**
 * Opens a frame in seed mode: its `content`. The plain text may be any JSON object, since such peers need not know the
 * canonical form. Throws a {@link CryptoProblem}: "bad-tag" or "malformed".
 */
export function openForSeed(parts: SealedParts, key: Bytes): Fields {
  return fieldsOf(parsed(decrypt(parts, null, key), "any"), "the plain text");
}

/** The bytes that a signature covers in seed mode; `metadata` as canonical JSON in UTF-8. */
export function signedForSeed(nonce: Bytes, encryptedData: Bytes, metadata: Bytes): Bytes {
  return joined(nonce, encryptedData, metadata);
}

import { keyBytes, signatureBytes, signingKeyBytes } from "./key-pairs.js";
import { sodium, type Bytes } from "./sodium.js";

/** The Ed25519 signature of a text by a private key as libsodium keeps it: 64 bytes (RFC 8032). */
export function sign(text: Bytes, privateKey: Bytes): Bytes {
  if (privateKey.length !== signingKeyBytes) {
    throw new RangeError(`an Ed25519 private key has ${signingKeyBytes} bytes, not ${privateKey.length}`);
  }
  return sodium().crypto_sign_detached(text, privateKey);
}

/**
 * True if `signature` is that of `text` by the key. False, too, for a key that is none or of low order (whose owner
 * could sign one text for another), and for a signature in a second form of the same (S not reduced).
 */
export function isSigned(signature: Bytes, text: Bytes, verifyKey: Bytes): boolean {
  if (verifyKey.length !== keyBytes || signature.length !== signatureBytes) return false;
  return sodium().crypto_sign_verify_detached(signature, text, verifyKey);
}

import { sodium, type Bytes, type KeyPair } from "./sodium.js";

/** Bytes of an X25519 key, of an Ed25519 public key, of a seed and of a conversation's key. */
export const keyBytes = 32;
/** Bytes of an Ed25519 private key as libsodium keeps it: the seed and the public key. */
export const signingKeyBytes = 64;
/** Bytes of an Ed25519 signature. */
export const signatureBytes = 64;

/** A new Ed25519 pair, or the one of a seed of 32 bytes (RFC 8032). The seed stays the caller's to wipe. */
export function signingPair(seed?: Bytes): KeyPair {
  const own = seed ?? random(keyBytes);
  const { publicKey, privateKey } = sodium().crypto_sign_seed_keypair(own);
  if (seed === undefined) wipe(own);
  return { publicKey, privateKey };
}

/** A new X25519 pair, or the one of a private key of 32 bytes, which is copied. */
export function agreementPair(privateKey?: Bytes): KeyPair {
  const own = privateKey === undefined ? random(keyBytes) : privateKey.slice();
  return { publicKey: publicOfAgreement(own), privateKey: own };
}

/** The X25519 public key of a private one. */
export function publicOfAgreement(privateKey: Bytes): Bytes {
  return sodium().crypto_scalarmult_base(privateKey);
}

/** The Ed25519 public key of a private one of 64 bytes. */
export function publicOfSigning(privateKey: Bytes): Bytes {
  if (privateKey.length !== signingKeyBytes) {
    throw new RangeError(`an Ed25519 private key has ${signingKeyBytes} bytes, not ${privateKey.length}`);
  }
  return privateKey.slice(keyBytes);
}

/** Overwrites bytes with zeros. Copies that the engine or libsodium's own memory still holds are out of reach. */
export function wipe(bytes: Bytes): void {
  sodium().memzero(bytes);
}

/** True if both hold the same bytes; the time that it takes depends on their length alone. */
export function equal(a: Bytes, b: Bytes): boolean {
  return a.length === b.length && sodium().memcmp(a, b);
}

/**
 * Random bytes from the system, 65,536 at most: nonces, keys, salts. By WebCrypto: libsodium's own way asks the system
 * once for every four bytes, and 24 of them take it 42 µs instead of 2.
 */
export function random(length: number): Bytes {
  return globalThis.crypto.getRandomValues(new Uint8Array(length));
}

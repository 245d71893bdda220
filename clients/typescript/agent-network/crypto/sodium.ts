import libsodium from "libsodium-wrappers";

/** What is made of bytes: keys, nonces, signatures, texts in UTF-8. */
export type Bytes = Uint8Array;

/** X25519: both keys 32 bytes. Ed25519: the public key 32 bytes, the private key 64. */
export interface KeyPair {
  readonly publicKey: Bytes;
  readonly privateKey: Bytes;
}

/** Curves and AEAD, by libsodium. */
export type Sodium = typeof libsodium;

let loaded: Sodium | undefined;

/** Loads libsodium, once. Everything else in this folder is to be called after it. */
export async function ready(): Promise<Sodium> {
  await libsodium.ready;
  loaded = libsodium;
  return loaded;
}

/** libsodium, once it is loaded. Throws an Error before {@link ready} has resolved. */
export function sodium(): Sodium {
  if (loaded === undefined) throw new Error("libsodium is not loaded yet; await ready() before");
  return loaded;
}

import { utf8 } from "./bytes.js";
import { wipe } from "./key-pairs.js";
import { CryptoProblem } from "./problem.js";
import { sodium, type Bytes } from "./sodium.js";

/** The document's three keys of a pair in seed mode; two of them are derived and unused (Agent Network §13.2). */
export interface SeedKeys {
  /** 32 bytes: the key of every conversation with the peer. */
  readonly encryption: Bytes;
  /** 32 bytes. */
  readonly authentication: Bytes;
  /** 16 bytes. */
  readonly iv: Bytes;
}

const none = new Uint8Array();
const nothing = new Uint8Array(32);
const basePoint = Uint8Array.from({ length: 32 }, (_, index) => (index === 0 ? 9 : 0));

/**
 * The key of a conversation at version 2, 32 bytes (Agent Network §10.5), of one's own ephemeral private key and the
 * peer's `ephemeralKey`. Rejects with a {@link CryptoProblem} "bad-key" where the peer's key is of low order. The
 * private key stays the caller's to wipe.
 */
export async function conversationKey(own: Bytes, peer: Bytes, conversationId: string): Promise<Bytes> {
  const secret = shared(own, peer);
  try {
    return await hkdf(secret, utf8(conversationId), utf8("encryption"), 32);
  } finally {
    wipe(secret);
  }
}

/** The keys of a pair in seed mode, of the long-term X25519 keys. Rejects as {@link conversationKey} does. */
export async function seedKeys(own: Bytes, peer: Bytes): Promise<SeedKeys> {
  const secret = shared(own, peer);
  try {
    return {
      encryption: await hkdf(secret, none, utf8("encryption"), 32),
      authentication: await hkdf(secret, none, utf8("authentication"), 32),
      iv: await hkdf(secret, none, utf8("iv"), 16),
    };
  } finally {
    wipe(secret);
  }
}

/**
 * X25519 (RFC 7748): the secret of two sides, 32 bytes. Throws a {@link CryptoProblem} "bad-key" for a peer's key that
 * is no 32 bytes or of low order: everybody would know the secret.
 */
export function shared(own: Bytes, peer: Bytes): Bytes {
  const library = sodium();
  if (own.length !== 32) throw new RangeError(`an X25519 private key has 32 bytes, not ${own.length}`);
  if (peer.length !== 32) throw new CryptoProblem("bad-key", `an X25519 key has 32 bytes, not ${peer.length}`);
  let secret: Bytes | undefined;
  try {
    secret = library.crypto_scalarmult(own, peer);
  } catch {
    secret = undefined; // both lengths are right, so the result is zero
  }
  // libsodium frees its own copies of the private key and of the secret as they are: the same call writes over them.
  library.crypto_scalarmult(nothing, basePoint);
  if (secret === undefined || library.is_zero(secret)) {
    throw new CryptoProblem("bad-key", "the X25519 key is a point of low order: everybody would know the secret");
  }
  return secret;
}

/** HKDF-SHA256 (RFC 5869) by WebCrypto: `length` bytes. */
export async function hkdf(secret: Bytes, salt: Bytes, info: Bytes, length: number): Promise<Bytes> {
  const { subtle } = globalThis.crypto;
  const copy = Uint8Array.from(secret); // in memory of its own, which WebCrypto's types ask for
  const key = await subtle.importKey("raw", copy, "HKDF", false, ["deriveBits"]).finally(() => {
    wipe(copy);
  });
  const params = { name: "HKDF", hash: "SHA-256", salt: Uint8Array.from(salt), info: Uint8Array.from(info) };
  return new Uint8Array(await subtle.deriveBits(params, key, length * 8));
}

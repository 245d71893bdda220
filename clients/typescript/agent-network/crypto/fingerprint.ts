import { joined, utf8 } from "./bytes.js";
import { sodium, type Bytes } from "./sodium.js";

const prefix = utf8("AN2F\0");

/**
 * What two people compare: SHA-256 of a signing key, 64 hexadecimal digits in groups of four (Agent Network §10.1).
 * By WebCrypto, so it has to be awaited: libsodium's usual build has no SHA-256.
 */
export async function fingerprint(signingKey: Bytes): Promise<string> {
  const hash = await globalThis.crypto.subtle.digest("SHA-256", joined(prefix, signingKey));
  return (sodium().to_hex(new Uint8Array(hash)).match(/.{4}/g) ?? []).join(" ");
}

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

/**
 * Loads libsodium, once. Everything else in this folder is to be called after it. Rejects with an Error that names the
 * remedy where a page has no WebCrypto (it has none but over https and from localhost), or forbids WebAssembly.
 */
export async function ready(): Promise<Sodium> {
  if (loaded !== undefined) return loaded;
  if (!hasWebCrypto(globalThis)) {
    throw new Error(
      "there is no WebCrypto here, as on every page without https; serve the page over https or localhost",
    );
  }
  try {
    await libsodium.ready;
  } catch (error) {
    const remedy = "where there is a Content-Security-Policy, its script-src needs 'wasm-unsafe-eval'";
    throw new Error(`libsodium does not load, which is WebAssembly; ${remedy}`, { cause: error });
  }
  loaded = libsodium;
  return loaded;
}

/** The types say that it is always there; a page that is no secure context has none. */
function hasWebCrypto(scope: { readonly crypto?: { readonly subtle?: unknown } }): boolean {
  return scope.crypto?.subtle !== undefined;
}

/** libsodium, once it is loaded. Throws an Error before {@link ready} has resolved. */
export function sodium(): Sodium {
  if (loaded === undefined) throw new Error("libsodium is not loaded yet; await ready() before");
  return loaded;
}

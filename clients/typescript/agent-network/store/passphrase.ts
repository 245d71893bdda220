import { fromBase64, toBase64 } from "../crypto/base64.js";
import { textOf, utf8 } from "../crypto/bytes.js";
import { random } from "../crypto/key-pairs.js";
import type { Bytes } from "../crypto/sodium.js";

type WebCrypto = typeof globalThis.crypto;

/** A key that WebCrypto does not give away. */
export type SecretKey = Awaited<ReturnType<WebCrypto["subtle"]["importKey"]>>;

/** Rounds of PBKDF2-SHA256 (Agent Network §14.1); a store with fewer is refused: somebody has changed it. */
export const iterations = 600_000;
/** Rounds that are still taken from a store: more would be somebody's way to keep a client busy. */
const iterationsMax = 10_000_000;
const saltBytes = 16;
const ivBytes = 12;

/** How the key of a passphrase is made; kept beside what it encrypts. `salt` in base64. */
export interface KeyRecipe {
  readonly kdf: "PBKDF2-SHA256";
  readonly iterations: number;
  readonly salt: string;
}

/** Bytes that a passphrase protects: AES-256-GCM, both in base64. */
export interface Wrapped {
  readonly iv: string;
  readonly data: string;
}

/** A recipe with a salt of its own. */
export function newRecipe(): KeyRecipe {
  return { kdf: "PBKDF2-SHA256", iterations, salt: toBase64(random(saltBytes)) };
}

/** Whether this is a recipe, and no weaker one than {@link newRecipe} makes. */
export function isRecipe(value: unknown): value is KeyRecipe {
  if (typeof value !== "object" || value === null) return false;
  const { kdf, iterations: rounds, salt } = value as Readonly<Record<string, unknown>>;
  return (
    kdf === "PBKDF2-SHA256" &&
    Number.isInteger(rounds) &&
    Number(rounds) >= iterations &&
    Number(rounds) <= iterationsMax &&
    typeof salt === "string" &&
    fromBase64(salt)?.length === saltBytes
  );
}

/** @throws Error for a passphrase that protects nothing, or that another would open as well */
export function checkPassphrase(passphrase: string): void {
  if (passphrase === "") throw new Error("the passphrase is empty: whoever has the disk would have the keys");
  if (textOf(utf8(passphrase)) !== passphrase)
    throw new Error("the passphrase holds half a character (a surrogate alone): another one would open it as well");
}

/**
 * The AES-256-GCM key of a passphrase; it cannot be read out. Takes some 0.2 s, beside the thread. Texts that look alike
 * because the same accents were typed in another way are one (NFC); other letters that look alike are not.
 */
export async function keyOf(passphrase: string, { iterations: rounds, salt }: KeyRecipe): Promise<SecretKey> {
  checkPassphrase(passphrase);
  const { subtle } = webCrypto();
  const secret = await subtle.importKey("raw", utf8(passphrase.normalize("NFC")), "PBKDF2", false, ["deriveKey"]);
  const params = { name: "PBKDF2", hash: "SHA-256", salt: Uint8Array.from(bytesOf(salt)), iterations: rounds };
  return subtle.deriveKey(params, secret, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/** Encrypts bytes under the key of a passphrase; `beside` is covered, too, and not encrypted. */
export async function wrap(plain: Bytes, key: SecretKey, beside: string): Promise<Wrapped> {
  const iv = random(ivBytes);
  const data = await webCrypto().subtle.encrypt(gcm(iv, beside), key, plain);
  return { iv: toBase64(iv), data: toBase64(new Uint8Array(data)) };
}

/** What {@link wrap} encrypted; undefined where the key, or what is there, is another. */
export async function unwrap({ iv, data }: Wrapped, key: SecretKey, beside: string): Promise<Bytes | undefined> {
  const [nonce, bytes] = [fromBase64(iv), fromBase64(data)];
  if (nonce?.length !== ivBytes || bytes === undefined) return undefined;
  try {
    return new Uint8Array(await webCrypto().subtle.decrypt(gcm(nonce, beside), key, Uint8Array.from(bytes)));
  } catch {
    return undefined; // WebCrypto says no more than that the tag is wrong
  }
}

function gcm(
  iv: Bytes,
  beside: string,
): { name: string; iv: Uint8Array<ArrayBuffer>; additionalData: Uint8Array<ArrayBuffer> } {
  return { name: "AES-GCM", iv: Uint8Array.from(iv), additionalData: Uint8Array.from(utf8(beside)) };
}

function bytesOf(text: string): Bytes {
  const bytes = fromBase64(text);
  if (bytes === undefined) throw new Error("the store's header does not say how its key is made: it is damaged");
  return bytes;
}

/** @throws Error where a web page has no WebCrypto, with the remedy */
function webCrypto(): WebCrypto {
  const { crypto } = globalThis as { readonly crypto?: Partial<WebCrypto> };
  if (crypto?.subtle !== undefined) return globalThis.crypto;
  throw new Error("this page has no WebCrypto: open it by https://, or from localhost (a secure context)");
}

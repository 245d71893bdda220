import { createHash, createPublicKey, verify, type KeyObject } from "node:crypto";

/** An agent's Ed25519 key, in whichever form it came. */
export interface PublicKey {
  /** The 32 bytes of RFC 8032 §5.1.5. */
  readonly raw: Buffer;
  readonly key: KeyObject;
  /** Base64 of its SPKI DER (RFC 8410 §4): the one form in which we keep and pass on keys. */
  readonly spki: string;
  /** First 16 hex digits of SHA-256 over the raw bytes: the agent's id, without `@` (protocols §5). */
  readonly agentId: string;
}

/** SPKI of an Ed25519 key without its 32 bytes (RFC 8410 §4). */
const spkiHead = Buffer.from("302a300506032b6570032100", "hex");
const rawBytes = 32;
const signatureBytes = 64;

/** Reads a public key written as PEM, as base64 of SPKI DER, or as base64 of the raw 32 bytes; undefined if it is none of them. */
export function readPublicKey(text: string): PublicKey | undefined {
  const bytes = text.includes("-----BEGIN PUBLIC KEY-----") ? derOfPem(text) : fromBase64(text.trim());
  const raw = bytes?.length === rawBytes ? bytes : bytes?.length === spkiHead.length + rawBytes && bytes.subarray(0, spkiHead.length).equals(spkiHead) ? bytes.subarray(spkiHead.length) : undefined;
  if (raw === undefined) return undefined;
  const spki = Buffer.concat([spkiHead, raw]);
  const key = createPublicKey({ key: spki, format: "der", type: "spki" });
  const agentId = createHash("sha256").update(raw).digest("hex").slice(0, 16);
  return { raw: Buffer.from(raw), key, spki: spki.toString("base64"), agentId };
}

/** True if `signature` (base64) is this key's Ed25519 signature over the UTF-8 of `text`. */
export function verifies({ key }: Pick<PublicKey, "key">, text: string, signature: string): boolean {
  const bytes = fromBase64(signature);
  return bytes?.length === signatureBytes && verify(null, Buffer.from(text), key, bytes);
}

function derOfPem(text: string): Buffer | undefined {
  const body = /-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----/.exec(text)?.[1];
  return body === undefined ? undefined : fromBase64(body.replace(/\s/g, ""));
}

/** Strict base64, padded or not: Node's own reader skips what it does not know. */
function fromBase64(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  return Buffer.from(text, "base64");
}

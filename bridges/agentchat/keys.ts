import { createHash, createPublicKey, verify, type KeyObject } from "node:crypto";

/** An agent's Ed25519 key, in whichever form it came. */
export interface PublicKey {
  /** The 32 bytes of RFC 8032 §5.1.5. */
  readonly raw: Buffer;
  readonly key: KeyObject;
  /** Base64 of its SPKI DER (RFC 8410 §4): the one form in which we keep and pass on keys. */
  readonly spki: string;
  /** The agent's id, without `@` (AgentChat §3.3). */
  readonly agentId: string;
  /**
   * The id that servers gave this key before ids were made of its PEM (AgentChat §3.9): what they have kept under it is
   * this key's.
   */
  readonly formerId: string;
}

/** SPKI of an Ed25519 key without its 32 bytes (RFC 8410 §4). */
const spkiHead = Buffer.from("302a300506032b6570032100", "hex");
const rawBytes = 32;
const signatureBytes = 64;

/**
 * Points of small order (RFC 8032 §5.1; y, little-endian, hex, without the sign): under such a key one signature, made
 * without any private key, is good for every text.
 */
const smallOrder: ReadonlySet<string> = new Set([
  `00${"00".repeat(30)}00`,
  `01${"00".repeat(30)}00`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  `ec${"ff".repeat(30)}7f`,
]);

/**
 * Reads a public key written as PEM, as base64 of SPKI DER, or as base64 of the raw 32 bytes; undefined if it is none
 * of them, or one that proves nothing.
 */
export function readPublicKey(text: string): PublicKey | undefined {
  const bytes = text.includes("-----BEGIN PUBLIC KEY-----") ? derOfPem(text) : fromBase64(text.trim());
  const raw =
    bytes?.length === rawBytes
      ? bytes
      : bytes?.length === spkiHead.length + rawBytes && bytes.subarray(0, spkiHead.length).equals(spkiHead)
        ? bytes.subarray(spkiHead.length)
        : undefined;
  if (raw === undefined || !isSound(raw)) return undefined;
  const spki = Buffer.concat([spkiHead, raw]);
  const key = createPublicKey({ key: spki, format: "der", type: "spki" });
  const base64 = spki.toString("base64");
  return { raw: Buffer.from(raw), key, spki: base64, agentId: agentIdOf(base64), formerId: formerIdOf(base64) };
}

/**
 * The id of the agent with this key, without `@`: the first 16 hex digits of SHA-256 over the key as PEM, which is how
 * agents keep and pass on their keys (AgentChat §3.3).
 * @param spki base64 of its SPKI DER
 */
export function agentIdOf(spki: string): string {
  // 44 bytes: less than one line of 64 characters (RFC 7468 §2).
  return idOver(`-----BEGIN PUBLIC KEY-----\n${spki}\n-----END PUBLIC KEY-----\n`);
}

/** {@link PublicKey.formerId} of the agent with this key. @param spki base64 of its SPKI DER */
export function formerIdOf(spki: string): string {
  return idOver(Buffer.from(spki, "base64").subarray(-rawBytes));
}

function idOver(bytes: string | Buffer): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}

/** True if `signature` (base64) is this key's Ed25519 signature over the UTF-8 of `text`. */
export function verifies({ key }: Pick<PublicKey, "key">, text: string, signature: string): boolean {
  const bytes = fromBase64(signature);
  return bytes?.length === signatureBytes && verify(null, Buffer.from(text), key, bytes);
}

/**
 * False for points of small order, and for numbers beyond the field, which are second spellings of others (RFC 8032
 * §5.1.3).
 */
function isSound(raw: Buffer): boolean {
  const y = Buffer.from(raw);
  y[31] = (y[31] ?? 0) & 0x7f;
  const isBeyondField = y[31] === 0x7f && (y[0] ?? 0) >= 0xed && y.subarray(1, 31).every((byte) => byte === 0xff);
  return !isBeyondField && !smallOrder.has(y.toString("hex"));
}

function derOfPem(text: string): Buffer | undefined {
  const body = /-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----/.exec(text)?.[1];
  return body === undefined ? undefined : fromBase64(body.replace(/\s/g, ""));
}

/**
 * Strict base64, padded or not: the same bytes have one spelling, while Node's own reader skips what it does not know.
 */
function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  const spelled = bytes.toString("base64");
  return bytes.length > 0 && (text === spelled || text === spelled.replace(/=+$/, "")) ? bytes : undefined;
}

import { toBase64 } from "./base64.js";
import { joined, textOf, u32be, utf8 } from "./bytes.js";
import { canonical, canonicalBytes } from "./canonical-json.js";
import { equal, keyBytes } from "./key-pairs.js";
import { CryptoProblem } from "./problem.js";
import { bytesIn, canonicalOfPeer, fieldsOf, signatureIn, textIn, type Fields } from "./shape.js";
import { isSigned, sign } from "./signature.js";
import { sodium, type Bytes } from "./sodium.js";

/** Bytes of a nonce of XChaCha20-Poly1305. */
export const nonceBytes = 24;
/** Bytes of the tag behind a ciphertext. */
export const tagBytes = 16;

/** What of a frame is readable for the broker and covered by its signature and its tag (H of Agent Network §11.1). */
export interface SealedHead {
  readonly messageId: string;
  readonly conversationId: string;
  readonly senderId: string;
  readonly recipientId: string;
  /** The type that the message has once it is opened. */
  readonly originalType: string;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly metadata: Fields;
}

/** `content` of an `ENCRYPTED` frame; bytes in base64. */
export interface SealedContent {
  readonly encryptedData: string;
  readonly nonce: string;
  readonly signature: string;
  readonly originalType: string;
}

/** A {@link SealedContent} whose shape is right; nothing of it is verified yet. */
export interface SealedParts {
  readonly encryptedData: Bytes;
  readonly nonce: Bytes;
  readonly signature: Bytes;
  readonly originalType: string;
}

/** What is sealed at version 2. `counter` counts from 1 per direction and handshake; 0 is a `RECEIPT`'s. */
export interface SealedText {
  readonly counter: number;
  readonly data: Fields;
}

const prefix = utf8("AN2\0");
const contentFields = 4;
const typeMax = 256;

/**
 * Seals a message (Agent Network §11.2, §11.3). `nonce` is 24 bytes that were never used with this key: random ones.
 * Throws NotCanonical for data that JSON cannot hold unchanged.
 */
export function seal(head: SealedHead, text: SealedText, key: Bytes, signingKey: Bytes, nonce: Bytes): SealedContent {
  if (!isCounter(text.counter)) throw new RangeError("a counter is a whole number from 0");
  const header = canonicalBytes(headOf(head));
  const plain = canonicalBytes({ counter: text.counter, data: text.data });
  const encryptedData = encrypt(plain, header, nonce, key);
  return signed(encryptedData, nonce, head.originalType, signedSealed(nonce, encryptedData, header), signingKey);
}

/**
 * The shape of an `ENCRYPTED` frame's `content`, at version 2 of exactly its four fields. Throws a
 * {@link CryptoProblem} "malformed".
 */
export function readSealed(content: unknown, mode: 2 | "seed" = 2): SealedParts {
  const fields = fieldsOf(content, "the content of an ENCRYPTED frame");
  const parts: SealedParts = {
    encryptedData: bytesIn(fields, "encryptedData"),
    nonce: bytesIn(fields, "nonce"),
    signature: signatureIn(fields),
    originalType: textIn(fields, "originalType"),
  };
  if (parts.encryptedData.length < tagBytes)
    throw new CryptoProblem("malformed", "encryptedData is shorter than a tag");
  if (parts.nonce.length !== nonceBytes) throw new CryptoProblem("malformed", `nonce has no ${nonceBytes} bytes`);
  if (!isType(parts.originalType)) throw new CryptoProblem("malformed", "originalType is no text of 1–256 characters");
  if (mode === 2 && Object.keys(fields).length !== contentFields) {
    throw new CryptoProblem("malformed", "content has fields that its signature does not cover");
  }
  return parts;
}

/**
 * Looks at the signature of a frame by its sender's pinned key. Throws a {@link CryptoProblem} "bad-signature", or
 * "malformed" for a head that has no canonical text.
 */
export function verify(head: SealedHead, parts: SealedParts, verifyKey: Bytes): void {
  const header = canonicalOfPeer(headOf(head));
  const text = signedSealed(parts.nonce, parts.encryptedData, header);
  if (head.originalType !== parts.originalType || !isSigned(parts.signature, text, verifyKey)) {
    throw new CryptoProblem("bad-signature", "the signature of the frame is not that of its sender's pinned key");
  }
}

/**
 * Opens a frame, after {@link verify}. Throws a {@link CryptoProblem} "bad-tag" where the key or what was sealed is
 * another, "malformed" where the plain text is not canonical `{counter, data}`.
 */
export function open(head: SealedHead, parts: SealedParts, key: Bytes): SealedText {
  const plain = decrypt(parts, canonicalOfPeer(headOf(head)), key);
  const { counter, data, ...more } = fieldsOf(parsed(plain, "canonical"), "the plain text");
  const fields = fieldsOf(data, "data of the plain text");
  if (!isCounter(counter)) throw new CryptoProblem("malformed", "counter of the plain text is no whole number from 0");
  if (Object.keys(more).length > 0)
    throw new CryptoProblem("malformed", "the plain text has more than counter and data");
  return { counter, data: fields };
}

/** H: what the tag and the signature cover beside the content, as canonical JSON. */
export function headText(head: SealedHead): string {
  return canonical(headOf(head));
}

/** The bytes that a frame's signature covers at version 2, by H in UTF-8. */
export function signedSealed(nonce: Bytes, encryptedData: Bytes, header: Bytes): Bytes {
  return joined(prefix, nonce, u32be(encryptedData.length), encryptedData, header);
}

/** XChaCha20-Poly1305 with `associated` data, the tag behind the ciphertext. The key is 32 bytes, the nonce 24. */
export function encrypt(plain: Bytes, associated: Bytes | null, nonce: Bytes, key: Bytes): Bytes {
  return sodium().crypto_aead_xchacha20poly1305_ietf_encrypt(plain, associated, null, nonce, key);
}

/** What {@link encrypt} encrypted. Throws a {@link CryptoProblem} "bad-tag". */
export function decrypt(
  parts: Pick<SealedParts, "encryptedData" | "nonce">,
  associated: Bytes | null,
  key: Bytes,
): Bytes {
  if (key.length !== keyBytes) throw new RangeError(`a conversation's key has ${keyBytes} bytes, not ${key.length}`);
  const { encryptedData, nonce } = parts;
  try {
    return sodium().crypto_aead_xchacha20poly1305_ietf_decrypt(null, encryptedData, associated, nonce, key);
  } catch {
    // All lengths are right, so it is the tag.
    throw new CryptoProblem("bad-tag", "the frame does not open by the key of this conversation");
  }
}

/**
 * JSON of bytes in UTF-8: in its canonical form, or in any as long as it has one (no 1e999, no half a character, not
 * too deep). Throws a {@link CryptoProblem} "malformed".
 */
export function parsed(plain: Bytes, form: "canonical" | "any"): unknown {
  let value: unknown;
  try {
    value = JSON.parse(textOf(plain));
  } catch {
    throw new CryptoProblem("malformed", "the plain text is no JSON in UTF-8");
  }
  const again = canonicalOfPeer(value);
  if (form === "canonical" && !equal(again, plain)) {
    throw new CryptoProblem("malformed", "the plain text is not canonical JSON");
  }
  return value;
}

/** The content of a frame, signed over `text`. */
export function signed(
  encryptedData: Bytes,
  nonce: Bytes,
  originalType: string,
  text: Bytes,
  signingKey: Bytes,
): SealedContent {
  return {
    encryptedData: toBase64(encryptedData),
    nonce: toBase64(nonce),
    signature: toBase64(sign(text, signingKey)),
    originalType,
  };
}

/** As every type: 1–256 characters, some of which JavaScript counts as two (Agent Network §1.1). */
function isType(text: string): boolean {
  return text !== "" && text.length <= 2 * typeMax && Array.from(text).length <= typeMax;
}

function isCounter(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function headOf(head: SealedHead): Fields {
  const { messageId, conversationId, senderId, recipientId, originalType, timestamp, metadata } = head;
  return {
    messageId,
    conversationId,
    senderId,
    recipientId,
    messageType: "ENCRYPTED",
    originalType,
    timestamp,
    metadata,
  };
}

import { toBase64 } from "./base64.js";
import { joined, utf8 } from "./bytes.js";
import { canonicalBytes } from "./canonical-json.js";
import { keyBytes } from "./key-pairs.js";
import { CryptoProblem } from "./problem.js";
import { isSigned, sign } from "./signature.js";
import { bytesIn, canonicalOfPeer, fieldsOf, own, signatureIn, textIn, type Fields } from "./shape.js";
import type { Bytes, KeyPair } from "./sodium.js";

/** What of a `HANDSHAKE`'s header its signature covers. */
export interface HandshakeFacts {
  readonly conversationId: string;
  readonly senderId: string;
  readonly recipientId: string;
}

/** `content` of a `HANDSHAKE`; bytes in base64. Without `v` it is one of seed mode (Agent Network §13.1). */
export interface HandshakeContent {
  readonly agentId: string;
  readonly publicKey: string;
  readonly v?: 2;
  readonly signingKey?: string;
  readonly ephemeralKey?: string;
  readonly answers?: string;
  readonly signature?: string;
}

/** One's own side of a handshake. `answers` is the peer's `ephemeralKey`, in an answer only. */
export interface OwnSide {
  readonly signing: KeyPair;
  /** The long-term X25519 key. */
  readonly publicKey: Bytes;
  readonly ephemeralKey: Bytes;
  readonly answers?: Bytes;
}

/** A handshake that was read; at version 2 its signature holds. */
export type Handshake =
  | {
      readonly mode: 2;
      readonly publicKey: Bytes;
      readonly signingKey: Bytes;
      readonly ephemeralKey: Bytes;
      readonly answers?: Bytes;
    }
  | { readonly mode: "seed"; readonly publicKey: Bytes; readonly signingKey?: Bytes };

const prefix = utf8("AN2H\0");
const facts = ["conversationId", "senderId", "recipientId"] as const;

/**
 * The signed `content` of an offer, or of an answer where `answers` is there (Agent Network §10.2). Throws a RangeError
 * for one's own key of another length.
 */
export function makeHandshake(about: HandshakeFacts, side: OwnSide): HandshakeContent {
  const content: HandshakeContent = {
    agentId: about.senderId,
    publicKey: keyText(side.publicKey),
    v: 2,
    signingKey: keyText(side.signing.publicKey),
    ephemeralKey: keyText(side.ephemeralKey),
    ...(side.answers === undefined ? {} : { answers: keyText(side.answers) }),
  };
  const text = joined(prefix, canonicalBytes({ ...content, ...factsOf(about) }));
  return { ...content, signature: toBase64(sign(text, side.signing.privateKey)) };
}

/** The bytes that a handshake's signature covers: all of `content` but `signature`, with the three facts. */
export function signedHandshake(about: HandshakeFacts, content: Fields): Bytes {
  const covered = Object.fromEntries(Object.entries(content).filter(([name]) => name !== "signature"));
  return joined(prefix, canonicalOfPeer({ ...covered, ...factsOf(about) }));
}

/**
 * Reads a peer's `content` as far as no memory is needed (Agent Network §10.3): whose it is, its keys, its signature.
 * Throws a {@link CryptoProblem}: "malformed", "bad-key" (no 32 bytes) or "bad-signature". Whether a key is of low
 * order shows when the secret is made of it.
 */
export function readHandshake(about: HandshakeFacts, content: unknown): Handshake {
  const fields = fieldsOf(content, "the content of a HANDSHAKE");
  if (textIn(fields, "agentId") !== about.senderId) {
    throw new CryptoProblem("malformed", "agentId is not the senderId of the frame");
  }
  const publicKey = keyIn(fields, "publicKey");
  if (!Object.hasOwn(fields, "v")) {
    const signingKey = optionalKey(fields, "signingKey");
    return { mode: "seed", publicKey, ...(signingKey === undefined ? {} : { signingKey }) };
  }
  if (own(fields, "v") !== 2) throw new CryptoProblem("malformed", "v is not 2, the one version of this client");
  const brought = facts.find((name) => Object.hasOwn(fields, name));
  if (brought !== undefined) throw new CryptoProblem("malformed", `content brings ${brought}, which is the header's`);
  const signingKey = keyIn(fields, "signingKey");
  const ephemeralKey = keyIn(fields, "ephemeralKey");
  const answers = optionalKey(fields, "answers");
  const signature = signatureIn(fields);
  if (!isSigned(signature, signedHandshake(about, fields), signingKey)) {
    throw new CryptoProblem("bad-signature", "the signature of the HANDSHAKE is not that of its signingKey");
  }
  return { mode: 2, publicKey, signingKey, ephemeralKey, ...(answers === undefined ? {} : { answers }) };
}

function keyText(key: Bytes): string {
  if (key.length !== keyBytes) throw new RangeError(`a key has ${keyBytes} bytes, not ${key.length}`);
  return toBase64(key);
}

function keyIn(fields: Fields, name: string): Bytes {
  const key = bytesIn(fields, name);
  if (key.length === keyBytes) return key;
  throw new CryptoProblem("bad-key", `${name} has ${key.length} bytes, not ${keyBytes}`);
}

function optionalKey(fields: Fields, name: string): Bytes | undefined {
  return Object.hasOwn(fields, name) ? keyIn(fields, name) : undefined;
}

function factsOf({ conversationId, senderId, recipientId }: HandshakeFacts): HandshakeFacts {
  return { conversationId, senderId, recipientId };
}

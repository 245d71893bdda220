import { createPrivateKey, createPublicKey, generateKeyPairSync, sign as signWith, type KeyObject } from "node:crypto";
import { z } from "zod";
import { readPublicKey, verifies, type PublicKey } from "../../../bridges/agentchat/keys.js";
import { shapeProblemText } from "../../../src/core/index.js";
import { AgentChatError } from "./error.js";

const fields = z.looseObject({
  name: z.string(),
  pubkey: z.string(),
  privkey: z.string(),
  created: z.string(),
});

/** Who an agent is, on every server (AgentChat §3.8). Unknown fields are kept. */
export interface Identity {
  readonly name: string;
  /** Base64 of SPKI. */
  readonly pubkey: string;
  /** Base64 of PKCS8. It is never sent. */
  readonly privkey: string;
  /** ISO 8601 */
  readonly created: string;
  /** The keys it had before; read them with chainOfCustody. */
  readonly rotations?: unknown;
  readonly [other: string]: unknown;
}

/** A new identity. @throws AgentChatError IDENTITY_INVALID if the name is not allowed */
export function generateIdentity(name: string, now = new Date()): Identity {
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(name)) throw invalid("name: 1 to 32 of A-Z a-z 0-9 _ -");
  const { privateKey } = generateKeyPairSync("ed25519");
  return identityFrom({
    name,
    pubkey: publicHalf(privateKey).spki,
    privkey: pkcs8Of(privateKey),
    created: now.toISOString(),
  });
}

/**
 * Reads an identity from parsed JSON. Keys may be written in any form of AgentChat §3.8.
 * @throws AgentChatError IDENTITY_INVALID
 */
export function identityFrom(value: unknown): Identity {
  const read = fields.safeParse(value);
  if (!read.success)
    throw invalid(
      `it is no identity: ${shapeProblemText(read.error, value)}; an identity is {name, pubkey, privkey, created}: ` +
        "agentchat identity --generate makes one",
    );
  const pubkey = publicKeyOf(read.data);
  const privkey = readPrivateKey(read.data.privkey);
  if (publicHalf(privkey).spki !== pubkey.spki)
    throw invalid(
      "pubkey and privkey do not belong together; take both from one backup, " +
        "or make a new identity: agentchat identity --generate",
    );
  return { ...read.data, pubkey: pubkey.spki, privkey: pkcs8Of(privkey) };
}

/** Ed25519 over the UTF-8 of `text`, base64. @throws AgentChatError IDENTITY_INVALID */
export function sign({ privkey }: Pick<Identity, "privkey">, text: string): string {
  return signWith(null, Buffer.from(text), readPrivateKey(privkey)).toString("base64");
}

/**
 * The `@agent-id` of this identity at a server of ours (AgentChat §3.3); other servers may shorten it.
 * @throws AgentChatError IDENTITY_INVALID
 */
export function agentIdOf(identity: Pick<Identity, "pubkey">): string {
  return `@${publicKeyOf(identity).agentId}`;
}

/**
 * The public key as PEM: the one form that every server takes, and whose text other servers make the agent's id of.
 * @throws AgentChatError IDENTITY_INVALID
 */
export function pemOf(identity: Pick<Identity, "pubkey">): string {
  return publicKeyOf(identity).key.export({ format: "pem", type: "spki" }).toString();
}

function publicKeyOf({ pubkey }: Pick<Identity, "pubkey">): PublicKey {
  const key = readPublicKey(pubkey);
  if (key === undefined)
    throw invalid("pubkey is no Ed25519 public key: it is PEM, base64 of SPKI DER, or base64 of the 32 bytes");
  return key;
}

const rotationFields = z.object({ pubkey: z.string(), at: z.string(), signature: z.string() });

/**
 * A former key. It was replaced by the key of the next entry, or by the identity's own; its private half is deleted.
 */
export interface Rotation {
  /** Base64 of SPKI. */
  readonly pubkey: string;
  readonly privkey?: never;
  /** ISO 8601 */
  readonly at: string;
  /** Made with this key, over `AGENTCHAT_ROTATE|<its SPKI>|<SPKI of the next>|<at>`, base64. */
  readonly signature: string;
}

/**
 * The same agent with a new key, which the old one signs. The agent id changes with the key.
 * @throws AgentChatError IDENTITY_INVALID
 */
export function rotated(identity: Identity, now = new Date()): Identity {
  const at = now.toISOString();
  const { pubkey, privkey } = generateIdentity(identity.name, now);
  const rotation: Rotation = {
    pubkey: identity.pubkey,
    at,
    signature: sign(identity, rotationText(identity.pubkey, pubkey, at)),
  };
  return { ...identity, pubkey, privkey, rotations: [...entriesOf(identity), rotation] };
}

/**
 * The former keys of an identity, oldest first. Each has signed the next one; the present key is not among them.
 * @throws AgentChatError IDENTITY_INVALID if the chain is broken
 */
export function chainOfCustody(identity: Pick<Identity, "pubkey" | "rotations">): readonly Rotation[] {
  const chain = entriesOf(identity).map((entry, at): Rotation => {
    const read = rotationFields.safeParse(entry);
    if (!read.success)
      throw invalid(`rotations.${at}: an entry is {pubkey, at, signature}; restore the file from a backup`);
    return read.data;
  });
  for (const [at, { pubkey, at: when, signature }] of chain.entries()) {
    const key = readPublicKey(pubkey);
    const next = readPublicKey(chain[at + 1]?.pubkey ?? identity.pubkey);
    if (key === undefined || next === undefined || !verifies(key, rotationText(key.spki, next.spki, when), signature)) {
      throw invalid(`rotations.${at}: the old key did not sign for the next one; restore the file from a backup`);
    }
  }
  return chain;
}

function rotationText(oldSpki: string, newSpki: string, at: string): string {
  return `AGENTCHAT_ROTATE|${oldSpki}|${newSpki}|${at}`;
}

function entriesOf({ rotations = [] }: Pick<Identity, "rotations">): readonly unknown[] {
  if (!Array.isArray(rotations)) throw invalid("rotations is a list; restore the file from a backup");
  return rotations as readonly unknown[];
}

/** PKCS8 of an Ed25519 key without its 32 bytes (RFC 8410 §7). */
const pkcs8Head = Buffer.from("302e020100300506032b657004220420", "hex");
const seedBytes = 32;
const forms = "PEM, base64 of PKCS8 DER, or base64 of the 32 bytes";

/**
 * Reads an Ed25519 private key written as PEM, as base64 of PKCS8 DER, or as base64 of its 32 bytes.
 * @throws AgentChatError IDENTITY_INVALID; the key is never part of the message
 */
export function readPrivateKey(text: string): KeyObject {
  const key = text.includes("-----BEGIN") ? parse(() => createPrivateKey(text)) : ofBase64(text.trim());
  if (key.asymmetricKeyType !== "ed25519")
    throw invalid(
      `privkey is a key of type ${key.asymmetricKeyType ?? "unknown"}; AgentChat takes Ed25519 only: ` +
        "agentchat identity --generate",
    );
  return key;
}

/** The public half. */
export function publicHalf(key: KeyObject): PublicKey {
  const half = readPublicKey(createPublicKey(key).export({ format: "der", type: "spki" }).toString("base64"));
  if (half === undefined)
    throw invalid("privkey has no Ed25519 public half; make a new identity: agentchat identity --generate");
  return half;
}

/** Base64 of PKCS8 DER: the one form in which we keep private keys. */
export function pkcs8Of(key: KeyObject): string {
  return key.export({ format: "der", type: "pkcs8" }).toString("base64");
}

/** An identity that cannot be used. */
export function invalid(what: string, cause?: unknown): AgentChatError {
  return new AgentChatError("IDENTITY_INVALID", what, cause === undefined ? {} : { cause });
}

function ofBase64(text: string): KeyObject {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw invalid(`privkey is no key: it is ${forms}`);
  const bytes = Buffer.from(text, "base64");
  const der = bytes.length === seedBytes ? Buffer.concat([pkcs8Head, bytes]) : bytes;
  return parse(() => createPrivateKey({ key: der, format: "der", type: "pkcs8" }));
}

function parse(read: () => KeyObject): KeyObject {
  try {
    return read();
  } catch (thrown) {
    throw invalid(`privkey is no private key: it is ${forms}, not encrypted`, thrown);
  }
}

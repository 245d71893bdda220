import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { AgentChatError } from "./error.js";
import { readPublicKey, type PublicKey } from "../../../bridges/agentchat/keys.js";

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
      `privkey is a key of type ${key.asymmetricKeyType ?? "unknown"}; AgentChat takes Ed25519 only: agentchat identity --generate`,
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

import { generateKeyPairSync, sign as signWith } from "node:crypto";
import { z } from "zod";
import { shapeProblemText } from "../../../src/core/index.js";
import { readPublicKey } from "../../../bridges/agentchat/keys.js";
import { invalid, pkcs8Of, publicHalf, readPrivateKey } from "./identity-key.js";

const fields = z.looseObject({
  name: z.string(),
  pubkey: z.string(),
  privkey: z.string(),
  created: z.string(),
});

/** Who an agent is, everywhere and always (seed 001, identity system). Fields we do not know are kept. */
export interface Identity {
  readonly name: string;
  /** Base64 of SPKI. */
  readonly pubkey: string;
  /** Base64 of PKCS8; it never leaves this machine. */
  readonly privkey: string;
  /** ISO 8601 */
  readonly created: string;
  /** Its chain of custody; read it with chainOfCustody. */
  readonly rotations?: unknown;
  readonly [other: string]: unknown;
}

/** A new identity. @throws AgentChatError IDENTITY_INVALID if nobody can be called so */
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

/** An identity from what a file says; keys in any form become ours. @throws AgentChatError IDENTITY_INVALID */
export function identityFrom(value: unknown): Identity {
  const read = fields.safeParse(value);
  if (!read.success)
    throw invalid(
      `it is no identity: ${shapeProblemText(read.error, value)}; an identity is {name, pubkey, privkey, created}: agentchat identity --generate makes one`,
    );
  const pubkey = readPublicKey(read.data.pubkey);
  if (pubkey === undefined)
    throw invalid("pubkey is no Ed25519 public key: it is PEM, base64 of SPKI DER, or base64 of the 32 bytes");
  const privkey = readPrivateKey(read.data.privkey);
  if (publicHalf(privkey).spki !== pubkey.spki)
    throw invalid(
      "pubkey and privkey do not belong together; take both from one backup, or make a new identity: agentchat identity --generate",
    );
  return { ...read.data, pubkey: pubkey.spki, privkey: pkcs8Of(privkey) };
}

/** Ed25519 over the UTF-8 of `text`, base64. @throws AgentChatError IDENTITY_INVALID */
export function sign({ privkey }: Pick<Identity, "privkey">, text: string): string {
  return signWith(null, Buffer.from(text), readPrivateKey(privkey)).toString("base64");
}

/** The `@agent-id` that every server gives this identity (protocols §5). @throws AgentChatError IDENTITY_INVALID */
export function agentIdOf({ pubkey }: Pick<Identity, "pubkey">): string {
  const key = readPublicKey(pubkey);
  if (key === undefined)
    throw invalid("pubkey is no Ed25519 public key: it is PEM, base64 of SPKI DER, or base64 of the 32 bytes");
  return `@${key.agentId}`;
}

import { z } from "zod";
import { generateIdentity, sign, type Identity } from "./identity.js";
import { invalid } from "./identity-key.js";
import { readPublicKey, verifies } from "../../../bridges/agentchat/keys.js";

const rotationFields = z.object({ pubkey: z.string(), at: z.string(), signature: z.string() });

/**
 * A key that gave way to the next one: that of the entry behind it, or the identity's own. Its private half is gone.
 */
export interface Rotation {
  /** Base64 of SPKI. */
  readonly pubkey: string;
  readonly privkey?: never;
  /** ISO 8601 */
  readonly at: string;
  /** By this key, over `AGENTCHAT_ROTATE|<its SPKI>|<SPKI of the next>|<at>`, base64. */
  readonly signature: string;
}

/**
 * The same agent with a new key, vouched for by the old one; its agent id changes with the key.
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
 * The keys an identity has had, oldest first and without the present one, each having signed for the next.
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

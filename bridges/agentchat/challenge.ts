import { randomBytes } from "node:crypto";
import { Fault } from "#dialect";
import { verifies, type PublicKey } from "./keys.js";
import type { CommandOf } from "./schema.js";
import { authText } from "./signed-text.js";

/** A question that only the owner of a key can answer, once. */
export interface Challenge {
  readonly id: string;
  readonly nonce: string;
  /** Wall clock, milliseconds: what the client is told. */
  readonly expiresAt: number;
  /** Its time is over, by the clock of deadlines (protocols §0.10). */
  readonly isOver: boolean;
  readonly key: PublicKey;
}

/** A new question about `key`; `expiresAt`: wall clock, milliseconds. */
export function newChallenge(key: PublicKey, expiresAt: number): Challenge {
  return { id: randomBytes(12).toString("hex"), nonce: randomBytes(32).toString("hex"), expiresAt, isOver: false, key };
}

/** @throws Fault unauthenticated with the code VERIFICATION_FAILED or VERIFICATION_EXPIRED */
export function checkAnswer(
  challenge: Challenge | undefined,
  { challenge_id, signature, timestamp }: CommandOf<"VERIFY_IDENTITY">,
): Challenge {
  if (challenge?.id !== challenge_id)
    throw failed(
      "VERIFICATION_FAILED",
      "there is no such challenge here, or it was answered; connect again for a new one",
    );
  if (challenge.isOver) throw failed("VERIFICATION_EXPIRED", "the challenge has expired; connect again for a new one");
  const text = authText({ nonce: challenge.nonce, challengeId: challenge.id, timestamp });
  if (!verifies(challenge.key, text, signature)) {
    throw failed(
      "VERIFICATION_FAILED",
      "the signature does not verify: it is Ed25519, base64, over AGENTCHAT_AUTH|nonce|challenge_id|timestamp",
    );
  }
  return challenge;
}

function failed(agentchat: "VERIFICATION_FAILED" | "VERIFICATION_EXPIRED", message: string): Fault {
  return new Fault("unauthenticated", message, { detail: { agentchat } });
}

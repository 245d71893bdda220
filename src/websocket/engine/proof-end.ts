import { Fault, type Principal } from "../../core/index.js";
import type { TokenEnd } from "../../identity/index.js";

/** What a session's proof ends with: the token that it showed last. */
export interface ProofEnd {
  readonly tokenId: string | undefined;
  /** Wall clock, milliseconds. */
  readonly expiresAt: number | undefined;
}

/** What ends with the proof of this principal; undefined if nothing does. */
export function proofEndOf({ tokenId, expiresAt }: Principal): ProofEnd | undefined {
  return tokenId === undefined && expiresAt === undefined ? undefined : { tokenId, expiresAt };
}

/** Why the proof has ended; undefined while it holds. `now`: wall clock. */
export function ended(
  { tokenId, expiresAt }: ProofEnd,
  now: number,
  endOf: (tokenId: string) => TokenEnd | undefined,
): TokenEnd | undefined {
  return expiresAt !== undefined && expiresAt <= now ? "expired" : tokenId === undefined ? undefined : endOf(tokenId);
}

/** What the session is told when its proof has ended. */
export function endedFault(why: TokenEnd, { proof }: Principal): Fault {
  const maker = proof?.startsWith("jwt:") === true ? "its issuer" : "broker token";
  const words =
    why === "revoked"
      ? "the token was taken back; log in with a new one"
      : `the token has expired, it was valid until now; log in with a new one (${maker} makes it)`;
  return new Fault("unauthenticated", words, { fatal: true });
}

import { JOSEError, JWTClaimValidationFailed, JWTExpired } from "jose/errors";
import type { Fault } from "../core/index.js";
import { refused } from "./jwt-form.js";

/** Seconds by which the clocks of an issuer and of this broker may differ. */
export const clockToleranceS = 30;

/**
 * Why a JWT was not verified, in words for its sender; not the Fault of what the library does not say.
 * @param remedy how a new one is to be had
 * @throws what was thrown, if it is no refusal of the library's
 */
export function refusalOf(thrown: unknown, remedy: string): Fault {
  if (!(thrown instanceof JOSEError)) throw thrown;
  if (thrown instanceof JWTExpired) return expired(thrown.payload.exp, remedy);
  if (thrown instanceof JWTClaimValidationFailed) return refused(claimWords(thrown, remedy));
  if (thrown.code === "ERR_JWS_SIGNATURE_VERIFICATION_FAILED")
    return refused(`its signature is wrong: it was changed on its way, or signed with another key; ${remedy}`);
  return refused(`it cannot be verified (${thrown.code}); ${remedy}`);
}

/** @param exp seconds since the epoch */
export function expired(exp: number | undefined, remedy: string): Fault {
  return refused(`it expired${at(exp)}; ${remedy}`);
}

/**
 * What the library does not look at: a token of the future.
 * @param now milliseconds
 * @throws Fault unauthenticated
 */
export function checkIssuedAt(iat: number | undefined, now: number): void {
  if (iat !== undefined && iat > now / 1_000 + clockToleranceS)
    throw refused(`it was issued${at(iat)} (iat), which is still to come: compare the clocks`);
}

function claimWords({ claim, reason, payload }: JWTClaimValidationFailed, remedy: string): string {
  if (reason === "missing") return `it has no ${claim}; ${remedy}`;
  if (claim === "nbf" && reason === "check_failed")
    return `it is valid from a later time on (nbf${at(payload.nbf)}): compare the clocks`;
  if (claim === "aud") return `it was made for somebody else (aud); ${remedy}`;
  return `its ${claim} is not what it has to be; ${remedy}`;
}

/** The last moment that a Date can hold, seconds. */
const dateMaxS = 8.64e12;

function at(seconds: unknown): string {
  return typeof seconds === "number" && Math.abs(seconds) <= dateMaxS
    ? ` at ${new Date(seconds * 1_000).toISOString()}`
    : "";
}

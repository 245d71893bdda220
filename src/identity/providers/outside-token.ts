import { JWKSMultipleMatchingKeys, JWKSNoMatchingKey } from "jose/errors";
import { UnsecuredJWT } from "jose/jwt/unsecured";
import { jwtVerify } from "jose/jwt/verify";
import type { JWTPayload } from "jose";
import { Fault, type Clock } from "../../core/index.js";
import { refused, type UnverifiedJwt } from "../jwt-form.js";
import { checkIssuedAt, clockToleranceS, refusalOf } from "../jwt-refusal.js";
import type { AtOnce } from "./at-once.js";
import type { Issuer } from "./issuer.js";
import { keyAlgorithms, type KeySet } from "./key-set.js";
import type { KeySource } from "./key-source.js";

const subjectMaxChars = 255;
const firebaseSubjectMaxChars = 128;

/** What a token of another issuer says, once it is verified. */
export interface OutsideClaims {
  readonly subject: string;
  /** Wall clock, milliseconds. */
  readonly expiresAt: number;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** What verifying needs. */
export interface VerifyOptions {
  readonly clock: Pick<Clock, "now">;
  /** How many signatures are verified at once. */
  readonly turns: AtOnce;
}

/**
 * Verifies a token of this issuer (protocols §0.12).
 * @throws Fault unauthenticated; unavailable (the keys cannot be had now), as rejections
 */
export async function verifyOutside(
  jwt: UnverifiedJwt,
  issuer: Issuer,
  source: KeySource,
  { clock, turns }: VerifyOptions,
): Promise<OutsideClaims> {
  const optionsAt = (now: number) => ({
    issuer: issuer.name,
    audience: [...issuer.audience],
    requiredClaims: ["exp", "sub"],
    clockTolerance: clockToleranceS,
    currentDate: new Date(now),
  });
  const { alg } = jwt.header;
  const algorithms: string[] = issuer.firebase ? ["RS256"] : [...keyAlgorithms];
  const isUnsigned = alg === "none" && issuer.emulator;
  if (!isUnsigned && !algorithms.includes(alg))
    throw refused(`it is not signed by one of ${algorithms.join(", ")}; let ${issuer.name} sign it so`);
  try {
    if (isUnsigned) {
      const now = clock.now();
      return claimsOf(UnsecuredJWT.decode(jwt.text, optionsAt(now)).payload, issuer, now);
    }
    const key = await keyOf(jwt, source);
    return await turns.run(async () => {
      // It may have waited seconds for its keys and its turn: whether it holds is asked of the clock behind that.
      const now = clock.now();
      const { payload } = await jwtVerify(jwt.text, key, { ...optionsAt(now), algorithms });
      return claimsOf(payload, issuer, now);
    });
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown;
    if (thrown instanceof JWKSNoMatchingKey)
      throw refused(
        `it is signed with a key that ${issuer.name} does not publish, or has published for less than 30 s: ` +
          "try again then, or get a new one there",
      );
    if (thrown instanceof JWKSMultipleMatchingKeys)
      throw refused(`it does not say which of the keys of ${issuer.name} has signed it (kid)`);
    throw refusalOf(thrown, `get a new one of ${issuer.name}`);
  }
}

async function keyOf({ header }: UnverifiedJwt, source: KeySource): ReturnType<KeySet["find"]> {
  const keys = await source.keys();
  const wanted = { alg: header.alg, ...(header.kid !== undefined && { kid: header.kid }) };
  try {
    return await keys.find(wanted);
  } catch (thrown) {
    if (!(thrown instanceof JWKSNoMatchingKey)) throw thrown;
    return (await source.again()).find(wanted);
  }
}

/** The claims that the library does not look at. */
function claimsOf(payload: JWTPayload, issuer: Issuer, now: number): OutsideClaims {
  const { sub, exp, iat } = payload;
  const most = issuer.firebase ? firebaseSubjectMaxChars : subjectMaxChars;
  if (typeof sub !== "string" || sub === "" || sub.length > most || /[\p{Cc}\p{Cs}]/u.test(sub))
    throw refused(`its sub has to be a text of 1 to ${String(most)} characters`);
  checkIssuedAt(iat, now);
  if (exp === undefined || !Number.isSafeInteger(Math.floor(exp * 1_000)))
    throw refused("it has no end that could be told (exp)");
  if (issuer.firebase) checkSignIn(payload["auth_time"], now);
  // One that is taken only because the clocks may differ lives as long as they may.
  const endsAt = exp * 1_000 > now ? exp : exp + clockToleranceS;
  return { subject: sub, expiresAt: Math.floor(endsAt * 1_000), payload };
}

function checkSignIn(at: unknown, now: number): void {
  if (typeof at !== "number") throw refused("it does not say when its owner signed in (auth_time)");
  if (at > now / 1_000 + clockToleranceS)
    throw refused("its owner has signed in at a time that is still to come (auth_time): compare the clocks");
}

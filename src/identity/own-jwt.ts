import { SignJWT } from "jose/jwt/sign";
import { jwtVerify } from "jose/jwt/verify";
import { z } from "zod";
import type { Clock } from "../core/index.js";
import { readJwt, refused, type UnverifiedJwt } from "./jwt-form.js";
import { jwtKeyOf, newPrivateKey, type JwtKeyFile } from "./jwt-key.js";
import { checkIssuedAt, clockToleranceS, expired, refusalOf } from "./jwt-refusal.js";

/** For whom the broker's own JWTs are. */
const audience = "synaptic-core";
/** The one algorithm of the broker's own key. */
const algorithm = "EdDSA";
/** How long a JWT is valid if nothing is said, milliseconds. */
export const jwtTtlMs = 30 * 86_400_000;

const claimsForm = z.object({
  jti: z.string(),
  sub: z.string(),
  exp: z.number(),
  iat: z.number().optional(),
  agents: z.array(z.string()).optional(),
});

/** What one of the broker's own JWTs says, once it is verified. */
export interface OwnClaims {
  readonly id: string;
  readonly subject: string;
  /** The agents for which it speaks; without the claim, its subject alone. */
  readonly agents: readonly string[];
  /** Wall clock, milliseconds. */
  readonly expiresAt: number;
}

/** Signs and verifies the broker's own JWTs. Whether one was taken back, their records say. */
export class OwnJwts {
  readonly #file: Pick<JwtKeyFile, "key" | "obtain">;
  readonly #clock: Pick<Clock, "now">;

  constructor(file: Pick<JwtKeyFile, "key" | "obtain">, clock: Pick<Clock, "now">) {
    this.#file = file;
    this.#clock = clock;
  }

  /**
   * @param issuedAt milliseconds, as `expiresAt`, of which the token holds whole seconds
   * @throws Fault unavailable: there is no key, and none can be made
   */
  async sign(jwt: {
    readonly id: string;
    readonly subject: string;
    readonly scopes: readonly string[];
    readonly issuedAt: number;
    readonly expiresAt: number;
  }): Promise<string> {
    const { privateKey, issuer } = await this.#file.obtain();
    return new SignJWT({ scope: jwt.scopes.join(" ") })
      .setProtectedHeader({ alg: algorithm, typ: "JWT" })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(jwt.subject)
      .setJti(jwt.id)
      .setIssuedAt(Math.floor(jwt.issuedAt / 1_000))
      .setExpirationTime(Math.floor(jwt.expiresAt / 1_000))
      .sign(privateKey);
  }

  /** True if it names this broker as its issuer. */
  async isOurs({ issuer }: UnverifiedJwt): Promise<boolean> {
    return issuer !== undefined && (await this.#file.key)?.issuer === issuer;
  }

  /**
   * Which key is meant, the token is never asked: there is one.
   * @throws Fault unauthenticated, as a rejection
   */
  async verify({ text, header: { alg } }: UnverifiedJwt): Promise<OwnClaims> {
    const key = await this.#file.key;
    const remedy = "broker token NAME --jwt makes a new one";
    if (alg !== algorithm || key === undefined)
      throw refused(`this broker signs by ${algorithm} only, not by ${JSON.stringify(alg)}; ${remedy}`);
    const now = this.#clock.now();
    const { payload } = await jwtVerify(text, key.publicKey, {
      algorithms: [algorithm],
      issuer: key.issuer,
      audience,
      currentDate: new Date(now),
      clockTolerance: clockToleranceS,
      requiredClaims: ["exp", "sub", "jti"],
    }).catch((thrown: unknown) => {
      throw refusalOf(thrown, remedy);
    });
    const claims = claimsForm.safeParse(payload);
    if (!claims.success) throw refused(`its claims are not those of this broker's tokens; ${remedy}`);
    const { jti, sub, exp, iat, agents } = claims.data;
    // Those who differ by their clocks are others: the end of our own token is exact.
    if (exp * 1_000 <= now) throw expired(exp, remedy);
    checkIssuedAt(iat, now);
    return { id: jti, subject: sub, agents: agents ?? [sub], expiresAt: exp * 1_000 };
  }
}

/**
 * Signs and verifies once by a key that nobody has: what a process loads and prepares for that takes longer than a login
 * may hold the loop, so that the first login by a JWT is not the one to wait for it.
 */
export async function rehearse(clock: Pick<Clock, "now">): Promise<void> {
  const key = jwtKeyOf(newPrivateKey());
  const jwts = new OwnJwts({ key, obtain: () => key }, clock);
  const issuedAt = clock.now();
  const record = { id: "rehearsal", subject: "nobody", scopes: [], issuedAt, expiresAt: issuedAt + jwtTtlMs };
  const jwt = readJwt(await jwts.sign(record));
  if (jwt !== undefined) await jwts.verify(jwt);
}

import type { Credential } from "./identity.js";
import type { UnverifiedJwt } from "./jwt-form.js";

/** Those, besides this broker, whose JWTs are taken: `identityProviders` of the configuration. */
export interface OutsideIssuers {
  /**
   * Verifies a JWT of one of them. Until then nothing in `jwt` is to be believed; its header has no key in it, no
   * `crit` and no HS algorithm, but may have `alg: none`.
   * @param dialect the dialect that was given it
   * @returns undefined at once if none of them is the issuer
   * @throws Fault unauthenticated, forbidden (not in this dialect), unavailable (the keys cannot be had now), as
   * rejections
   */
  bearer(jwt: UnverifiedJwt, dialect: string): Promise<Credential> | undefined;
}

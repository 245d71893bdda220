import { Fault, type Limits } from "../core/index.js";
import { FailedLogins, operatorName, type IdentityTokens, type Limiter } from "../identity/index.js";

/** Who may read what is the operator's: whoever holds its token. Guessing waits like any failed login. */
export class OperatorAccess {
  readonly #identity: Pick<IdentityTokens, "token">;
  readonly #failedLogins: FailedLogins;
  readonly #refused: (remote: string, fault: Fault) => void;

  /** `refused` hears of wrong tokens. */
  constructor(
    identity: Pick<IdentityTokens, "token">,
    limiter: Limiter,
    limits: Pick<Limits, "loginFailuresPerMinute">,
    refused: (remote: string, fault: Fault) => void,
  ) {
    this.#identity = identity;
    this.#failedLogins = new FailedLogins(limiter, limits);
    this.#refused = refused;
  }

  /** True if `bearer` is the operator's token. */
  allows(bearer: string | undefined, remote: string): boolean {
    if (bearer === undefined) return false;
    try {
      const barred = this.#failedLogins.barred(remote);
      if (barred !== undefined) throw barred;
      this.#identity.token(operatorName, bearer);
      return true;
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown;
      if (thrown.code === "unauthenticated") this.#failedLogins.add(remote);
      this.#refused(remote, thrown);
      return false;
    }
  }
}

import { networkOf, type FaultCode, type Limits } from "../core/index.js";
import type { Limiter, LoginEvent, RefusedLogins } from "../identity/index.js";
import type { AuditLog } from "./audit-log.js";

/** Faults that refuse the login itself. Others before a login are about an unreadable frame or a broker that stops. */
const refusals: ReadonlySet<FaultCode> = new Set(["unauthenticated", "forbidden", "conflict", "rate-limited", "full"]);
/** Of each address so many lines, and one more in ten seconds, go beside what addresses with many cause. */
const few = Object.freeze({ perSecond: 0.1, burst: 20 });
/** The form of this broker's tokens: one that somebody sent in place of a name must not come into the log. */
const tokenForm = /^(?:[\w-]{43}$|eyJ[\w-]*\.)/;

type AuditRates = Pick<
  Limits,
  "auditClaimsPerSecond" | "auditClaimsBurst" | "auditClaimsTotalPerSecond" | "auditClaimsTotalBurst"
>;

/**
 * Counts logins and writes them into the audit log. Who shows no token of its own causes only a limited number of
 * lines, for each address and for all together: otherwise anybody, with keys that cost nothing, could make the log
 * rotate until older lines are gone. Half of what all may cause is for addresses that cause few, and failed logins with
 * protected names have a rate of their own: one busy address does not hide what others try.
 */
export class LoginAudit {
  /** By dialect and trust. */
  readonly logins: Record<string, Record<string, number>> = {};
  /** By dialect and fault code. */
  readonly failures: Record<string, Record<string, number>> = {};
  displaced = 0;
  cut = 0;
  readonly #audit: Pick<AuditLog, "write" | "leaveOut">;
  readonly #limiter: Limiter;
  readonly #limits: AuditRates;
  readonly #isProtected: (name: string) => boolean;
  readonly #refused: Pick<RefusedLogins, "take">;

  /**
   * @param isProtected true for a name that only its owner may use
   * @param refused remembers the last logins that were refused
   */
  constructor(
    audit: Pick<AuditLog, "write" | "leaveOut">,
    limiter: Limiter,
    limits: AuditRates,
    isProtected: (name: string) => boolean,
    refused: Pick<RefusedLogins, "take"> = { take: () => undefined },
  ) {
    this.#refused = refused;
    this.#isProtected = isProtected;
    this.#audit = audit;
    this.#limiter = limiter;
    this.#limits = limits;
  }

  /** Takes an event as it happens. */
  take(event: LoginEvent): void {
    if (event.event === "login.refused" && !refusals.has(event.code)) return;
    this.#count(event);
    const shown = withoutSecret(event);
    if (shown.event === "login.refused") this.#refused.take(shown);
    if (this.#mayWrite(event)) this.#audit.write(shown);
    else this.#audit.leaveOut();
  }

  #count(event: LoginEvent): void {
    switch (event.event) {
      case "login":
        increase(this.logins, event.dialect, event.trust);
        break;
      case "login.refused":
        increase(this.failures, event.dialect, event.code);
        break;
      case "displaced":
        this.displaced += 1;
        break;
      case "cut":
        this.cut += 1;
        break;
    }
  }

  #mayWrite(event: LoginEvent): boolean {
    const isOfOurs = event.event !== "login.refused" && event.tokenId !== undefined;
    if (isOfOurs && (event.event === "cut" || event.trust === "proved")) return true;
    const { auditClaimsPerSecond, auditClaimsBurst, auditClaimsTotalPerSecond, auditClaimsTotalBurst } = this.#limits;
    const half = { perSecond: auditClaimsTotalPerSecond / 2, burst: auditClaimsTotalBurst / 2 };
    const own = { perSecond: auditClaimsPerSecond, burst: auditClaimsBurst };
    const isGuess = event.event === "login.refused" && event.agent !== undefined && this.#isProtected(event.agent);
    const kind = isGuess ? "audit of guesses" : "audit";
    const address = networkOf(event.remote);
    const limiter = this.#limiter;
    if (limiter.ask(`${kind} ${address}`, own) > 0) return false;
    const isOfFew = limiter.ask(`${kind} of few`, half) === 0 && limiter.take(`${kind} few ${address}`, few) === 0;
    const all = isOfFew ? `${kind} of few` : `${kind} of many`;
    return limiter.take(all, half) === 0 && limiter.take(`${kind} ${address}`, own) === 0;
  }
}

function increase(counts: Record<string, Record<string, number>>, dialect: string, word: string): void {
  const ofDialect = (counts[dialect] ??= {});
  ofDialect[word] = (ofDialect[word] ?? 0) + 1;
}

function withoutSecret(event: LoginEvent): LoginEvent {
  if (event.event !== "login.refused" || event.agent === undefined || !tokenForm.test(event.agent)) return event;
  return { ...event, agent: "(withheld: it looks like a token)" };
}

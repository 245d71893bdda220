import { networkOf, type FaultCode, type Limits } from "../core/index.js";
import type { Limiter, LoginEvent } from "../identity/index.js";
import type { AuditEvent } from "./audit-event.js";

/**
 * Faults before a login that refuse the login itself, not a frame that could not be read or a broker that is leaving.
 */
const refusals: ReadonlySet<FaultCode> = new Set(["unauthenticated", "forbidden", "conflict", "rate-limited", "full"]);
/** What our tokens look like: somebody who puts one where a name belongs must not find it in the log. */
const tokenForm = /^[\w-]{43}$/;

/** What {@link LoginAudit} needs. */
export interface LoginAuditOptions {
  readonly audit: { write(event: AuditEvent): void; leaveOut(): void };
  readonly limiter: Limiter;
  readonly limits: Pick<Limits, "auditClaimsPerSecond" | "auditClaimsBurst">;
}

/**
 * Counts logins and writes them down. What proves nothing is written as often as one address may cause lines, so that
 * nobody can wash the log away.
 */
export class LoginAudit {
  /** By dialect and trust, by dialect and fault: words of our own. */
  readonly logins: Record<string, Record<string, number>> = {};
  readonly failures: Record<string, Record<string, number>> = {};
  displaced = 0;
  cut = 0;
  readonly #options: LoginAuditOptions;

  constructor(options: LoginAuditOptions) {
    this.#options = options;
  }

  /** Takes what happened. */
  take(event: LoginEvent): void {
    if (event.event === "login.refused" && !refusals.has(event.code)) return;
    this.#count(event);
    const { audit } = this.#options;
    if (this.#mayWrite(event)) audit.write(withoutSecret(event));
    else audit.leaveOut();
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
    if (event.event === "cut" || (event.event !== "login.refused" && event.trust === "proved")) return true;
    const { limiter, limits } = this.#options;
    if (limits.auditClaimsPerSecond === 0) return true;
    return (
      limiter.take(`audit ${networkOf(event.remote)}`, {
        perSecond: limits.auditClaimsPerSecond,
        burst: limits.auditClaimsBurst,
      }) === 0
    );
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

import type { Limits, Log } from "../core/index.js";
import { operatorName, type Limiter } from "../identity/index.js";
import { byConfiguration, type MailboxEvent } from "../mailbox/index.js";
import type { AuditLog } from "./audit-log.js";

/** Who keeps this broker. */
const keepers: ReadonlySet<string> = new Set([operatorName, byConfiguration]);

/**
 * Writes down what is done to mailboxes. What agents do to their own has a rate, for each and for all together: a key
 * costs nothing, and whoever opens and closes a box again and again must not push older lines out of the log.
 */
export class MailAudit {
  readonly #audit: Pick<AuditLog, "write" | "leaveOut">;
  readonly #limiter: Limiter;
  readonly #limits: Pick<
    Limits,
    "auditClaimsPerSecond" | "auditClaimsBurst" | "auditClaimsTotalPerSecond" | "auditClaimsTotalBurst"
  >;
  readonly #log: Log;

  constructor(audit: Pick<AuditLog, "write" | "leaveOut">, limiter: Limiter, limits: Limits, log: Log) {
    this.#audit = audit;
    this.#limiter = limiter;
    this.#limits = limits;
    this.#log = log;
  }

  /** Takes an event as it happens. */
  take(event: MailboxEvent): void {
    const { event: what, ...fields } = event;
    this.#log("info", what, fields);
    if (keepers.has(event.by) || this.#mayWrite(event.agent)) this.#audit.write(event);
    else this.#audit.leaveOut();
  }

  #mayWrite(agent: string): boolean {
    const { auditClaimsPerSecond, auditClaimsBurst, auditClaimsTotalPerSecond, auditClaimsTotalBurst } = this.#limits;
    const own = { perSecond: auditClaimsPerSecond, burst: auditClaimsBurst };
    const all = { perSecond: auditClaimsTotalPerSecond, burst: auditClaimsTotalBurst };
    return (
      this.#limiter.take(`audit of mailbox ${agent}`, own) === 0 && this.#limiter.take("audit of mailboxes", all) === 0
    );
  }
}

import { Fault, type FaultCode } from "../../core/index.js";
import type { Closing, DialectTypes } from "../../dialect/index.js";
import type { Hearer } from "./hearing.js";
import type { SessionOwner } from "./session-owner.js";

/**
 * What does not count against who is told of it: somebody else reads too slowly, something of the broker's fails. Its own
 * rate bounds how often that can be.
 */
const ofOthers: ReadonlySet<FaultCode> = new Set<FaultCode>(["full", "timeout", "unavailable", "internal"]);

/** Why a session is closed, in a code of its own or in the dialect's. */
export type Reason = Omit<Closing, "code"> & Partial<Pick<Closing, "code">>;

/**
 * Tells one session's peer what is refused, in the dialect's words, and counts it: too much in too short a time and the
 * session has to go.
 */
export class Refusals<T extends DialectTypes> {
  readonly #owner: Pick<SessionOwner<T>, "context" | "dialect">;
  readonly #session: Hearer<T>;
  readonly #max: number;
  readonly #windowMs: number;
  #count = 0;
  #since = -Infinity;

  constructor(owner: Pick<SessionOwner<T>, "context" | "dialect">, session: Hearer<T>) {
    const { abuseRefusalsMax, abuseWindowMs } = owner.context.limits;
    this.#owner = owner;
    this.#session = session;
    this.#max = abuseRefusalsMax;
    this.#windowMs = abuseWindowMs;
  }

  /**
   * `command`: what is refused, where it could be read; `closing` goes before the dialect's own, whose code it has if it
   * names none.
   */
  tell(thrown: Fault, command: T["command"] | undefined, closing: Reason | undefined): void {
    const { context, dialect } = this.#owner;
    const session = this.#session;
    const fault = this.#judge(thrown, context.clock.monotonic(), context.clock.catchingUp());
    context.ledger.count(`refused-${fault.code}`);
    if (fault.cause !== undefined || fault.code === "internal") session.failed("command failed", fault.cause ?? fault);
    try {
      const refusal = dialect.refuse(fault, command, session);
      if (refusal.reply !== undefined) session.send(refusal.reply);
      const end = refusal.close ?? (fault.fatal ? { code: 1008, reason: fault.message } : undefined);
      if (closing !== undefined) session.close({ code: end?.code ?? 1008, ...closing });
      else if (end !== undefined) session.close(end);
    } catch (failure) {
      session.failed("cannot tell a fault", failure);
      session.close({ code: 1011, reason: "the broker failed; its log says why" });
    }
  }

  /**
   * The fault to tell: the one given, or the last one. `nowMs` is monotonic; `catchingUpMs`: what was said in so much
   * time before may be coming in at once.
   */
  #judge(fault: Fault, nowMs: number, catchingUpMs: number): Fault {
    if (ofOthers.has(fault.code)) return fault;
    if (nowMs - this.#since > this.#windowMs) {
      this.#since = nowMs;
      this.#count = 0;
    }
    this.#count += 1;
    const max = catchingUpMs === 0 ? this.#max : this.#max * (1 + catchingUpMs / this.#windowMs);
    if (fault.fatal || this.#max === 0 || this.#count < max) return fault;
    return new Fault(
      "rate-limited",
      `refused ${this.#count} times within ${Math.round(this.#windowMs / 1000)} s: ${fault.message}; ` +
        "connect again and go slower",
      { fatal: true },
    );
  }
}

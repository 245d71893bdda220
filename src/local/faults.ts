import type { Envelope, Fault, FaultCode } from "../core/index.js";
import type { LocalContext } from "./context.js";

/** A fault that an agent is told of: about which message, and why. */
export interface FaultNotice {
  readonly code: FaultCode | "loop";
  readonly message: string;
  readonly inReplyTo?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly detail?: Readonly<Record<string, unknown>> | undefined;
}

/** How many faults one recipient has been told this second, and how many were left out. */
interface Told {
  count: number;
  left: number;
}

/** Tells agents on ZeroMQ what was refused, by an inform from `$broker` on their own topic, at most so many per second and then one summary. */
export class Faults {
  readonly #context: LocalContext;
  // bound: faultRecipientsMax · evicts: nobody else is told until the second is over · owner: Faults
  readonly #told = new Map<string, Told>();

  constructor(context: LocalContext) {
    this.#context = context;
  }

  /** Tells `agent`, if it is online. Counted when it is not. */
  tell(agent: string, notice: FaultNotice): void {
    const { directory, ledger, limits } = this.#context;
    if (directory.agent(agent) === undefined) {
      ledger.count("fault-untold");
      return;
    }
    const told = this.#obtain(agent);
    if (told === undefined) return;
    if (told.count >= limits.faultsPerSecondMax) {
      told.left += 1;
      ledger.count("fault-summed-up");
      return;
    }
    told.count += 1;
    this.#announce(agent, notice);
  }

  /** A refusal of `envelope`, told to its sender; never about a response or a fault. */
  refuse(sender: string, envelope: Envelope | undefined, fault: Fault): void {
    if (envelope?.type === "response" || envelope?.content.kind === "fault") return;
    this.tell(sender, {
      code: fault.code,
      message: fault.message,
      inReplyTo: envelope?.message_id,
      retryAfterMs: fault.retryAfterMs,
      detail: { ...fault.detail, ...(envelope !== undefined && { to: envelope.to }) },
    });
  }

  #obtain(agent: string): Told | undefined {
    const known = this.#told.get(agent);
    if (known !== undefined) return known;
    const { clock, ledger, limits } = this.#context;
    if (this.#told.size >= limits.faultRecipientsMax) {
      ledger.count("fault-untold");
      return undefined;
    }
    const told: Told = { count: 0, left: 0 };
    this.#told.set(agent, told);
    clock.after(1_000, () => {
      this.#told.delete(agent);
      if (told.left === 0) return;
      this.#announce(agent, {
        code: "rate-limited",
        message: `${told.left} more messages were refused in the last second; broker status shows why`,
        detail: { count: told.left },
      });
    });
    return told;
  }

  #announce(agent: string, { code, message, inReplyTo, retryAfterMs, detail }: FaultNotice): void {
    this.#context.exchange.announce(agent, {
      type: "inform",
      ...(inReplyTo !== undefined && { in_reply_to: inReplyTo }),
      content: { kind: "fault", message, data: { code, ...(retryAfterMs !== undefined && { retry_after_ms: retryAfterMs }), ...detail } },
    });
  }
}

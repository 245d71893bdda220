import {
  brokerTopic,
  notThere,
  noticeBody,
  noticeMessage,
  noticeOf,
  type FaultNotice,
  type Message,
} from "../../core/index.js";
import type { SubscriberPeer, ZmtpPeer } from "../wire/index.js";
import type { ZeromqContext } from "./context.js";
import type { Roll } from "./names.js";
import type { Undelivered } from "./waiting-messages.js";

/** How many faults one recipient was told this second, and how many were left out. */
interface Told {
  count: number;
  left: number;
  readonly cancel: () => void;
}

const secondMs = 1_000;

/**
 * Tells agents what was refused, by an inform from `$broker` on their own topic: at most so many per second and
 * recipient, then one summary. A
 * publishing connection has the same allowance, whatever names it claims; and what it causes is told only to a name
 * that can be its own.
 */
export class Faults {
  readonly #context: ZeromqContext;
  readonly #roll: Pick<Roll, "ownBy">;
  // bound: faultRecipientsMax · evicts: nobody else is told until a second is over · owner: Faults
  readonly #told = new Map<string, Told>();

  constructor(context: ZeromqContext, roll: Pick<Roll, "ownBy">) {
    this.#context = context;
    this.#roll = roll;
  }

  /** Tells `agent` about what a publishing connection sent in its name. */
  tell(agent: string, notice: FaultNotice, by: ZmtpPeer): void {
    const { ledger } = this.#context;
    if (this.#roll.ownBy(agent, by).length === 0) ledger.count("fault-untold");
    else this.#tell(agent, notice, this.#hasAllowance(by));
  }

  /** Tells `agent`, whose name the broker itself put on what it sent. */
  tellSession(agent: string, notice: FaultNotice): void {
    this.#tell(agent, notice, true);
  }

  /** Tells a connection, and no other, about itself. */
  direct(peer: SubscriberPeer, topic: string, notice: FaultNotice): void {
    const { ledger } = this.#context;
    if (!this.#hasAllowance(peer)) {
      ledger.count("fault-untold");
      return;
    }
    ledger.count(`told-${notice.code}`);
    ledger.messages.accepted += 1;
    ledger.messages.routed += 1;
    peer.deliver(noticeMessage(topic === "" ? brokerTopic : topic, notice, this.#context), false);
  }

  /** The connection is gone. */
  forget(peer: ZmtpPeer): void {
    this.#context.limiter.forget(`faults ${peer.id}`);
  }

  close(): void {
    for (const { cancel } of this.#told.values()) cancel();
    this.#told.clear();
  }

  #hasAllowance({ id }: ZmtpPeer): boolean {
    const { limiter, limits } = this.#context;
    return (
      limiter.take(`faults ${id}`, { perSecond: limits.faultsPerSecondMax, burst: limits.faultsPerSecondMax }) === 0
    );
  }

  #tell(agent: string, notice: FaultNotice, allowed: boolean): void {
    const { exchange, ledger, limits } = this.#context;
    const told = this.#obtain(agent);
    if (told === undefined) {
      ledger.count("fault-untold");
      return;
    }
    if (!allowed || told.count >= limits.faultsPerSecondMax) {
      told.left += 1;
      ledger.count("fault-summed-up");
      return;
    }
    told.count += 1;
    ledger.count(`told-${notice.code}`);
    exchange.announce(agent, noticeBody(notice));
  }

  #obtain(agent: string): Told | undefined {
    const known = this.#told.get(agent);
    if (known !== undefined) return known;
    const { clock, limits } = this.#context;
    if (this.#told.size >= limits.faultRecipientsMax) return undefined;
    const told: Told = {
      count: 0,
      left: 0,
      cancel: clock.after(secondMs, () => {
        this.#told.delete(agent);
        this.#sumUp(agent, told.left);
      }),
    };
    this.#told.set(agent, told);
    return told;
  }

  #sumUp(agent: string, count: number): void {
    if (count === 0) return;
    const message = `${count} more messages of yours were refused in the last second; send less, or see the reasons in: broker status`;
    this.#context.exchange.announce(agent, noticeBody(noticeOf({ code: "rate-limited", message, detail: { count } })));
  }
}

/** True if a message came over ZeroMQ, from this connection. */
export function isZmtpPeer(origin: object | undefined): origin is ZmtpPeer {
  return origin !== undefined && "mechanism" in origin && "isLocal" in origin;
}

/** Tells whoever asked that a held request reached nobody; what is no request is only counted. */
export function tellUndelivered(message: Message, why: Undelivered, faults: Faults): void {
  const { envelope, origin, topic } = message;
  if (envelope?.type !== "request" || origin === undefined) return;
  const notice = noticeOf({ code: why, message: words(why, topic) }, { message_id: envelope.message_id, to: topic });
  if (isZmtpPeer(origin)) faults.tell(envelope.from, notice, origin);
  else faults.tellSession(envelope.from, notice);
}

function words(why: Undelivered, topic: string): string {
  if (why === "full") return `${topic} is away for a moment and no more can be held for it; send again when it is back`;
  return why === "timeout" ? `the request had expired (expires_at) before ${topic} was back` : notThere(topic);
}

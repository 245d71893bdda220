import {
  brokerTopic,
  noticeBody,
  noticeMessage,
  noticeOf,
  notThere,
  shownTopic,
  type FaultCode,
  type FaultNotice,
  type LostCopies,
  type Message,
} from "../../core/index.js";
import type { SubscriberPeer, ZmtpPeer } from "../wire/index.js";
import type { ZeromqContext } from "./context.js";
import type { ConnectionsByName } from "./names.js";

/** Why a message that waited reached nobody. */
export type Undelivered = Extract<FaultCode, "not-found" | "full" | "timeout">;

/** What one recipient was told in the current second. */
interface Told {
  count: number;
  /** Notices that were not sent; a summary counts them. */
  left: number;
  readonly cancel: () => void;
}

const secondMs = 1_000;

/**
 * Tells agents what was refused, by an inform from `$broker` on their own topic (ZeroMQ §10): at most so many in a
 * second for each recipient, then one summary. A publishing connection causes no more than that either, whatever names
 * it claims; and what it causes is told only to a connection that can belong to it.
 */
export class FaultNotices {
  readonly #context: Pick<ZeromqContext, "clock" | "exchange" | "ledger" | "limiter" | "limits" | "newId">;
  readonly #connections: Pick<ConnectionsByName, "ofSender">;
  // bound: faultRecipientsMax, names of agents that are here · evicts: nobody else is told until a second is over ·
  // owner: FaultNotices
  readonly #told = new Map<string, Told>();

  constructor(
    context: Pick<ZeromqContext, "clock" | "exchange" | "ledger" | "limiter" | "limits" | "newId">,
    connections: Pick<ConnectionsByName, "ofSender">,
  ) {
    this.#context = context;
    this.#connections = connections;
  }

  /** Tells `agent` about what the connection `by` sent under its name. */
  tell(agent: string, notice: FaultNotice, by: ZmtpPeer): void {
    if (this.#connections.ofSender(agent, by).length === 0) this.#context.ledger.count("fault-untold");
    else this.#tell(agent, notice, this.#hasAllowance(by));
  }

  /** Tells `agent`, a session of another dialect: the broker itself wrote its name into what it sent. */
  tellSession(agent: string, notice: FaultNotice): void {
    this.#tell(agent, notice, true);
  }

  /** Tells one connection about itself, and no other. */
  tellConnection(peer: SubscriberPeer, topic: string, notice: FaultNotice): void {
    const { ledger } = this.#context;
    if (!this.#hasAllowance(peer)) {
      ledger.count("fault-untold");
      return;
    }
    ledger.count(`told-${notice.code}`);
    ledger.messages.accepted += 1;
    ledger.ofBroker += 1;
    ledger.messages.routed += 1;
    peer.deliver(noticeMessage(topic === "" ? brokerTopic : topic, notice, this.#context), false);
  }

  /** Tells the sender of a request that waited and reached nobody. Other messages are only counted. */
  tellUndelivered({ envelope, origin, topic }: Message, why: Undelivered | LostCopies): void {
    if (envelope?.type !== "request" || origin === undefined) return;
    const { code, message } =
      typeof why === "string"
        ? { code: why, message: undeliveredText(why, shownTopic(topic)) }
        : { code: why.code, message: why.why };
    const notice = noticeOf({ code, message }, { message_id: envelope.message_id, to: shownTopic(topic) });
    if (isZmtpPeer(origin)) this.tell(envelope.from, notice, origin);
    else this.tellSession(envelope.from, notice);
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
    const rate = { perSecond: limits.faultsPerSecondMax, burst: limits.faultsPerSecondMax };
    return limiter.take(`faults ${id}`, rate) === 0;
  }

  #tell(agent: string, notice: FaultNotice, isAllowed: boolean): void {
    const { exchange, ledger, limits } = this.#context;
    const told = this.#toldThisSecond(agent);
    if (told === undefined) {
      ledger.count("fault-untold");
      return;
    }
    if (!isAllowed || told.count >= limits.faultsPerSecondMax) {
      told.left += 1;
      ledger.count("fault-summed-up");
      return;
    }
    told.count += 1;
    ledger.count(`told-${notice.code}`);
    exchange.announce(agent, noticeBody(notice));
  }

  /** Undefined if too many recipients are told already. */
  #toldThisSecond(agent: string): Told | undefined {
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
    const message =
      `${count} more of your messages were refused in the last second; send less, ` +
      "or find the reasons in: broker status";
    this.#context.exchange.announce(agent, noticeBody(noticeOf({ code: "rate-limited", message, detail: { count } })));
  }
}

/** True if a message came over ZeroMQ, from this connection. */
export function isZmtpPeer(origin: object | undefined): origin is ZmtpPeer {
  return origin !== undefined && "mechanism" in origin && "isLocal" in origin;
}

function undeliveredText(why: Undelivered, topic: string): string {
  if (why === "full")
    return `${topic} is away for a moment and no more messages can wait for it; send again when it is back`;
  return why === "timeout" ? `the request expired (expires_at) before ${topic} was back` : notThere(topic);
}

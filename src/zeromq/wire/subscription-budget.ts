import { SplitAllotment, partyOf, type Limits } from "../../core/index.js";
import type { ZmtpPeer } from "./policy.js";

/** What a subscription takes in memory beside its topic: its entries in sets and maps, and its route. */
const overheadBytes = 512;
/** What every connection may take in any case: its name, and a few rooms and topics. */
const assuredBytes = 16 * 1024;
/** The part of all that the connections of one other machine may take together. */
const networkShare = 1 / 4;

type BudgetLimits = Pick<Limits, "zmqSubscriptionsMaxBytes" | "zmqSubscriptionsTotalMaxBytes">;

/** The bytes that the subscriptions of all connections take in memory, about (ZeroMQ §6.6). */
export class SubscriptionBudget {
  readonly #limits: BudgetLimits;
  readonly #all: SplitAllotment;
  // bound: zmqConnectionsMax · evicts: a network goes with its last subscription · owner: SubscriptionBudget
  readonly #byNetwork = new Map<string, number>();

  constructor(limits: BudgetLimits) {
    this.#limits = limits;
    this.#all = new SplitAllotment(() => limits.zmqSubscriptionsTotalMaxBytes, assuredBytes);
  }

  /** What is taken now. */
  get usedBytes(): number {
    return this.#all.used;
  }

  /** The budget of one connection. */
  open(peer: ZmtpPeer): ConnectionBudget {
    // A token's connections are apart from those of others at the same address.
    const { network, standing } = partyOf(peer);
    const all = this.#all.of(standing === "issued");
    const isCapped = !peer.isLocal && peer.principal === undefined;
    return new ConnectionBudget({
      allows: (own, more) => {
        const { zmqSubscriptionsMaxBytes, zmqSubscriptionsTotalMaxBytes } = this.#limits;
        if (own + more > zmqSubscriptionsMaxBytes) return false;
        if (own + more <= assuredBytes) return true;
        const ofNetwork = this.#byNetwork.get(network) ?? 0;
        if (isCapped && ofNetwork + more > zmqSubscriptionsTotalMaxBytes * networkShare) return false;
        return all.allows(own, more);
      },
      changed: (change) => {
        all.used += change;
        const left = (this.#byNetwork.get(network) ?? 0) + change;
        if (left > 0) this.#byNetwork.set(network, left);
        else this.#byNetwork.delete(network);
      },
    });
  }
}

/** What a connection's budget asks of the budget of all. */
interface Common {
  readonly allows: (own: number, more: number) => boolean;
  readonly changed: (change: number) => void;
}

/** What the subscriptions of one connection take. */
export class ConnectionBudget {
  readonly #common: Common;
  #own = 0;

  constructor(common: Common) {
    this.#common = common;
  }

  /** Takes what a subscription needs. `always`: whether there is room or not. @returns false if there is none for it */
  take(topic: string, always = false): boolean {
    const bytes = bytesOf(topic);
    if (!always && !this.#common.allows(this.#own, bytes)) return false;
    this.#change(bytes);
    return true;
  }

  /** The subscription is over. */
  release(topic: string): void {
    this.#change(-bytesOf(topic));
  }

  /** All subscriptions are over. */
  close(): void {
    this.#change(-this.#own);
  }

  #change(bytes: number): void {
    this.#own += bytes;
    this.#common.changed(bytes);
  }
}

function bytesOf(topic: string): number {
  return overheadBytes + 2 * topic.length;
}

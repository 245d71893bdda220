import type { Message, Principal, WireSubscriber } from "../../core/index.js";

/** How a connection was let in (RFC 23 §3.3, RFC 24). */
export type Mechanism = "NULL" | "PLAIN";

/** What both doors know of a connection once its handshake is over. */
export interface ZmtpPeer {
  readonly id: string;
  /** Peer address without port; `ipc` for a Unix socket. */
  readonly remote: string;
  /** True for ipc and loopback addresses. */
  readonly isLocal: boolean;
  readonly mechanism: Mechanism;
  /** What PLAIN proved; undefined under NULL. */
  readonly principal: Principal | undefined;
  /** Socket-Type of its READY: PUB or XPUB on the one door, SUB or XSUB on the other. */
  readonly socketType: string;
  /** The `X-Agent` property of its READY. */
  readonly declared: string | undefined;
  /** Cuts the line and counts why, under a word of ours. */
  close(reason: string): void;
}

/** A connection on the XSUB door: an agent's PUB. */
export type PublisherPeer = ZmtpPeer;

/** A connection on the XPUB door: an agent's SUB. What it wants is a set. */
export interface SubscriberPeer extends ZmtpPeer, WireSubscriber {
  readonly subscriptions: ReadonlySet<string>;
  /** Messages dropped because it did not read, since it connected. */
  readonly dropped: number;
  /** Delivers under another topic than the message's own (a broadcast on an agent's own name). */
  deliverAs(topic: string, message: Message): boolean;
}

/** What connections on the two doors may do; the listener asks, `src/zeromq/agents` answers, at once. */
export interface ZmtpPolicy {
  /** `remote` as in {@link ZmtpPeer}. @throws Fault unauthenticated, rate-limited: a permanent refusal */
  authenticate(user: string, password: string, remote: string): Principal;
  /** After READY. @throws Fault to refuse the connection for good (forbidden: a name that may not be declared) */
  publisherReady(peer: PublisherPeer): void;
  /** After READY, before any subscription. @throws Fault as above */
  subscriberReady(peer: SubscriberPeer): void;
  /** A topic entered or left the set of subscriptions. */
  subscribed(peer: SubscriberPeer, topic: string): void;
  unsubscribed(peer: SubscriberPeer, topic: string): void;
  publisherGone(peer: PublisherPeer): void;
  subscriberGone(peer: SubscriberPeer): void;
  /** True while some name is protected, so that NULL publishers' `from` must be looked at. */
  readonly checksFrom: boolean;
  /** True if only a proved session may speak as `name`. */
  isProtected(name: string): boolean;
  /**
   * A message that cannot pass as bytes: nobody receives it, a reader is among its receivers, its topic is guarded or
   * starts with `$`, its publisher
   * is PLAIN, or the scan of its `from` was not sure. Counted as accepted already; the payload is borrowed.
   */
  look(message: Message, peer: PublisherPeer): void;
}

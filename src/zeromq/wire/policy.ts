import type { Fault, Message, Principal, WireSubscriber } from "../../core/index.js";

/** How a connection was let in (RFC 23 §3.3, RFC 24). */
export type Mechanism = "NULL" | "PLAIN";

/** What is known of a connection once its handshake is over, on both doors. */
export interface ZmtpPeer {
  readonly id: string;
  /** The client's address without its port; `ipc` for a Unix socket. */
  readonly remote: string;
  /** True for ipc and loopback addresses. */
  readonly isLocal: boolean;
  readonly mechanism: Mechanism;
  /** What PLAIN proved; undefined under NULL. */
  readonly principal: Principal | undefined;
  /** Socket-Type of its READY: PUB or XPUB on one door, SUB or XSUB on the other. */
  readonly socketType: string;
  /** The `X-Agent` property of its READY. */
  readonly declared: string | undefined;
  /** The `X-Instance` property of its READY: which program of several under one name it is (ZeroMQ §5.4). */
  readonly instance?: string | undefined;
  /** Closes the connection at once and counts it under `reason`, a word of our own. */
  close(reason: string): void;
}

/** A connection on the XSUB door: an agent's PUB. */
export type PublisherPeer = ZmtpPeer;

/** A connection on the XPUB door: an agent's SUB. */
export interface SubscriberPeer extends ZmtpPeer, WireSubscriber {
  /** The topics it asked for: a set, because clients send SUBSCRIBE and CANCEL in unequal numbers. */
  readonly subscriptions: ReadonlySet<string>;
  /** Messages dropped because it did not read them, since it connected. */
  readonly dropped: number;
  /** Delivers under another topic than the message's own (a broadcast on an agent's own name). */
  deliverAs(topic: string, message: Message): boolean;
}

/** Decides what connections may do. The listener calls it and needs each answer at once; `src/zeromq/agents` is it. */
export interface ZmtpPolicy {
  /** `remote` as in {@link ZmtpPeer}. @throws Fault unauthenticated, rate-limited: a permanent refusal */
  authenticate(user: string, password: string, remote: string): Principal;
  /**
   * Keeps what PLAIN has proved. Resolves when it is on disk: our READY waits for that; undefined if there is nothing
   * to wait for (protocols §1.18). @throws Fault, as a rejection
   */
  keepProof(principal: Principal, remote: string): Promise<void> | undefined;
  /** After READY. @throws Fault to refuse the connection for good (forbidden: a name that may not be declared) */
  publisherReady(peer: PublisherPeer): void;
  /** After READY, before any subscription. @throws Fault as above */
  subscriberReady(peer: SubscriberPeer): void;
  /** A topic entered the set of subscriptions. */
  subscribed(peer: SubscriberPeer, topic: string): void;
  /** A topic left the set of subscriptions. */
  unsubscribed(peer: SubscriberPeer, topic: string): void;
  /**
   * Something that the peer sent was lost; it is counted and logged already. The agent is told where it has a name, or
   * hears `topic`, which the loss is about.
   */
  refused(peer: ZmtpPeer, fault: Fault, topic?: string): void;
  publisherGone(peer: PublisherPeer): void;
  subscriberGone(peer: SubscriberPeer): void;
  /** True while some name is protected: the `from` of NULL publishers must be checked then. */
  readonly checksFrom: boolean;
  /** True if only a proved session may speak as `name`. */
  isProtected(name: string): boolean;
  /**
   * Receives a message that cannot pass as bytes: it has no receiver, one of its receivers parses messages, its topic
   * is guarded or starts with `$`, its publisher is PLAIN, or its `from` could not be checked without parsing it. The
   * ledger counts it as accepted already. The payload is valid only during this call.
   */
  received(message: Message, peer: PublisherPeer): void;
}

import { asFault, brokerTopic, eventsTopic, Fault, telemetryTopic, topicKind, type Envelope, type Message } from "../core/index.js";
import type { PublisherPeer } from "../zmtp/index.js";
import type { LocalContext } from "./context.js";
import type { Faults } from "./faults.js";

export interface LookOptions {
  readonly context: LocalContext;
  readonly faults: Faults;
  /** Marks an agent as seen speaking. */
  readonly spoke: (agent: string) => void;
  /** Takes a message that nobody receives yet, in the first seconds after the start. @returns false when that time is over */
  readonly holdEarly: (message: Message) => boolean;
}

/** Looks at a message that cannot pass as bytes: proves its `from`, routes it, tells its sender what went wrong. */
export class Look {
  readonly #options: LookOptions;

  constructor(options: LookOptions) {
    this.#options = options;
  }

  /** Counted as accepted already; counted once more as whatever becomes of it. Never throws. */
  message(message: Message, peer: PublisherPeer): void {
    const { context, spoke, holdEarly } = this.#options;
    const { ledger } = context;
    const envelope = message.envelope;
    if (envelope === undefined) {
      ledger.malformed("payload-unreadable");
      this.#tellOwner(peer, new Fault("malformed", message.problem ?? "the payload is no envelope"), undefined);
      return;
    }
    const forged = this.#forgery(envelope, peer);
    if (forged !== undefined) {
      ledger.refuse("from-forged");
      context.log("warn", "a forged sender was refused", { remote: peer.remote, proved: peer.principal?.agent });
      this.#tellOwner(peer, forged, envelope);
      return;
    }
    spoke(envelope.from);
    const misplaced = this.#misplaced(message.topic);
    if (misplaced !== undefined) {
      ledger.refuse("topic-not-yours");
      this.#refuse(peer, envelope, misplaced);
      return;
    }
    if (context.router.route(message.topic) === undefined && topicKind(message.topic) === "agent" && holdEarly(message)) {
      ledger.messages.routed += 1;
      return;
    }
    this.#submit(message, envelope, peer);
  }

  #submit(message: Message, envelope: Envelope, peer: PublisherPeer): void {
    const { context } = this.#options;
    let withdraw: (() => void) | undefined;
    try {
      withdraw = this.#follow(message, envelope);
    } catch (thrown) {
      context.ledger.refuse("requests-full");
      this.#refuse(peer, envelope, asFault(thrown));
      return;
    }
    try {
      context.exchange.submit(message);
    } catch (thrown) {
      withdraw?.();
      const fault = asFault(thrown);
      if (fault.code === "internal") context.log("error", "routing failed", { cause: String(fault.cause) });
      if (fault.code === "not-found" && envelope.type !== "request") {
        context.ledger.count(`${envelope.type}-to-nobody`);
        return;
      }
      this.#refuse(peer, envelope, fault);
    }
  }

  /** Tells the sender, as many times as one connection may cause: a claimed name could be a victim's. */
  #refuse(peer: PublisherPeer, envelope: Envelope, fault: Fault): void {
    const { context, faults } = this.#options;
    const { faultsPerSecondMax } = context.limits;
    if (peer.principal === undefined && context.limiter.take(`faults ${peer.id}`, { perSecond: faultsPerSecondMax, burst: faultsPerSecondMax }) > 0) {
      context.ledger.count("fault-untold");
      return;
    }
    faults.refuse(peer.principal?.agent ?? envelope.from, envelope, fault);
  }

  /** A request to somebody who is not on ZeroMQ is followed: its sender hears of a timeout. @throws Fault full */
  #follow(message: Message, envelope: Envelope): (() => void) | undefined {
    const { context, faults } = this.#options;
    if (envelope.type !== "request" || topicKind(message.topic) !== "agent") return undefined;
    const addressee = context.directory.agent(message.topic);
    if (addressee === undefined || addressee.dialect === "zmq") return undefined;
    const expires = envelope.expires_at === undefined ? NaN : Date.parse(envelope.expires_at) - context.clock.now();
    return context.requests.open({
      from: envelope.from,
      to: message.topic,
      messageId: envelope.message_id,
      ...(expires > 0 && { timeoutMs: expires }),
      timedOut: () => {
        faults.tell(envelope.from, { code: "timeout", message: `${message.topic} did not answer in time`, inReplyTo: envelope.message_id, detail: { to: message.topic } });
      },
    });
  }

  #forgery(envelope: Envelope, peer: PublisherPeer): Fault | undefined {
    const { identity } = this.#options.context;
    const { from } = envelope;
    if (from.startsWith("$")) return new Fault("forbidden", "names that begin with $ are the broker's");
    if (peer.principal !== undefined) {
      if (from === peer.principal.agent || identity.proxied(peer.principal).has(from)) return undefined;
      return new Fault("forbidden", `this connection proved to be ${peer.principal.agent} and cannot speak as ${from}`);
    }
    return identity.isProtected(from) ? new Fault("forbidden", `the name ${from} has an owner: connect by PLAIN with its token (broker token ${from})`) : undefined;
  }

  #misplaced(topic: string): Fault | undefined {
    if (!topic.startsWith("$") || topic === brokerTopic || topic === telemetryTopic) return undefined;
    return new Fault("forbidden", topic === eventsTopic ? "only the broker publishes to $events" : `there is no topic ${topic}; the broker answers at ${brokerTopic}`);
  }

  /** Tells the connection's own proved name; a claimed one could be anybody's. */
  #tellOwner(peer: PublisherPeer, fault: Fault, envelope: Envelope | undefined): void {
    if (peer.principal !== undefined) this.#options.faults.refuse(peer.principal.agent, envelope, fault);
  }
}

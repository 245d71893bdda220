import { sightOf, type Ledger, type Message, type Principal, type Sight } from "../../src/core/index.js";
import type { Mechanism, PublisherPeer, SubscriberPeer } from "../../src/zeromq/wire/index.js";

/** What a test says of a connection; the rest is a claimed SUB or PUB on this machine. */
export interface PeerFacts {
  readonly principal?: Principal;
  readonly declared?: string;
  readonly remote?: string;
  readonly isLocal?: boolean;
  readonly socketType?: string;
}

/** One message that a connection was given. */
export interface Hearing {
  readonly topic: string;
  readonly observed: boolean;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly type: string | undefined;
  readonly text: string | undefined;
  readonly kind: string | undefined;
  readonly data: unknown;
  readonly inReplyTo: string | undefined;
  readonly replay: boolean;
}

/** A connection on the publisher door, without a socket. */
export class FakePublisher implements PublisherPeer {
  readonly id: string;
  readonly remote: string;
  readonly isLocal: boolean;
  readonly mechanism: Mechanism;
  readonly principal: Principal | undefined;
  readonly socketType: string;
  readonly declared: string | undefined;
  readonly closedFor: string[] = [];

  constructor(id: string, facts: PeerFacts) {
    this.id = id;
    this.remote = facts.remote ?? "127.0.0.1";
    this.isLocal = facts.isLocal ?? this.remote === "127.0.0.1";
    this.mechanism = facts.principal === undefined ? "NULL" : "PLAIN";
    this.principal = facts.principal;
    this.socketType = facts.socketType ?? "PUB";
    this.declared = facts.declared;
  }

  close(reason: string): void {
    this.closedFor.push(reason);
  }
}

/** A connection on the subscriber door that takes everything at once and remembers it. */
export class FakeSubscriber extends FakePublisher implements SubscriberPeer {
  readonly subscriptions = new Set<string>();
  readonly heard: Hearing[] = [];
  readonly sight: Sight;
  dropped = 0;
  readonly #ledger: Ledger;

  constructor(id: string, facts: PeerFacts, ledger: Ledger) {
    super(id, { socketType: "SUB", ...facts });
    this.sight = facts.principal === undefined ? "direct" : (sightOf(facts.principal.scopes) ?? "public");
    this.#ledger = ledger;
  }

  deliver(message: Message, observed: boolean): boolean {
    return this.#take(message.topic, message, observed);
  }

  deliverAs(topic: string, message: Message): boolean {
    return this.#take(topic, message, false);
  }

  forward(): void {
    throw new Error("bytes pass by the listener, not by these tests");
  }

  /** Texts heard, in order. */
  get texts(): readonly (string | undefined)[] {
    return this.heard.map(({ text }) => text);
  }

  /** Codes of the faults heard, in order. */
  get faults(): readonly unknown[] {
    return this.heard.filter(({ kind }) => kind === "fault").map(({ data }) => (data as { code: unknown }).code);
  }

  #take(topic: string, { envelope }: Message, observed: boolean): boolean {
    const ledger = observed ? this.#ledger.taps : this.#ledger.copies;
    ledger.copies += 1;
    ledger.written += 1;
    this.heard.push({
      topic,
      observed,
      from: envelope?.from,
      to: envelope?.to,
      type: envelope?.type,
      text: envelope?.content.message,
      kind: envelope?.content.kind,
      data: envelope?.content.data,
      inReplyTo: envelope?.in_reply_to,
      replay: envelope?.replay === true,
    });
    return true;
  }
}

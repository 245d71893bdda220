import {
  Exchange,
  Fault,
  Ledger,
  Message,
  Router,
  defaultLimits,
  looksLike,
  principal,
  type Envelope,
  type Limits,
  type Log,
  type Principal,
  type Scope,
  type Subscriber,
  Slices,
} from "../../src/core/index.js";
import { ConversationsMemory, followAnswers, RequestsMemory } from "../../src/conversation/index.js";
import { Desk, type DeskOptions } from "../../src/desk/index.js";
import { ZeromqAgents } from "../../src/zeromq/agents/index.js";
import { DirectoryMemory } from "../../src/directory/index.js";
import { ClaimWatch, LimiterMemory, type Credential, type Identity } from "../../src/identity/index.js";
import { Mailboxes, MailStoreMemory } from "../../src/mailbox/index.js";
import { TablesMemory } from "../../src/storage/index.js";
import { MultiAgents, type MultiAgentEvent } from "../../src/telemetry/multi-agents.js";
import type { PublisherPeer } from "../../src/zeromq/wire/index.js";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import { FakePublisher, FakeSubscriber, type Hearing, type PeerFacts } from "./fake-zmq.js";

/** Says of a name whatever a test has told it: who owns it, which names a proxy carries. */
export class NamesWithOwners implements Identity {
  readonly owned = new Set<string>();
  readonly carried = new Map<string, readonly string[]>();
  proved: (name: string) => void = () => undefined;

  plain(): Principal {
    throw new Fault("unauthenticated", "there are no tokens here");
  }

  token(): Principal {
    throw new Error("no WebSocket here");
  }

  bearer(): Promise<Credential> {
    throw new Error("no WebSocket here");
  }

  isProtected(name: string): boolean {
    return this.owned.has(name) || this.protectedLike(name) !== undefined;
  }

  protectedLike(name: string): string | undefined {
    return this.owned.has(name) ? undefined : [...this.owned].find((other) => looksLike(name, other));
  }

  remember({ agent }: Principal): undefined {
    this.owned.add(agent);
  }

  forget(name: string): Promise<boolean> {
    return Promise.resolve(this.owned.delete(name));
  }

  get protectedCount(): number {
    return this.owned.size;
  }

  get protections(): number {
    return this.owned.size;
  }

  proxied({ agent }: Principal): ReadonlySet<string> {
    return new Set(this.carried.get(agent));
  }

  issue(): Promise<string> {
    return Promise.reject(new Error("no tokens here"));
  }
}

/** A principal that PLAIN has proved. */
export function proved(agent: string, scopes: readonly Scope[] = []): Principal {
  return principal(agent, "proved", { proof: `token:${agent}`, scopes });
}

/** ZeroMQ agents over the real core and its rooms, without sockets, on a clock that the test drives. */
export class ZeromqWorld {
  readonly clock = new FakeClock();
  readonly ledger = new Ledger();
  readonly router: Router;
  readonly identity = new NamesWithOwners();
  readonly limits: Limits;
  readonly exchange: Exchange;
  readonly directory: DirectoryMemory;
  readonly requests: RequestsMemory;
  readonly agents: ZeromqAgents;
  readonly desk: Desk;
  readonly mailboxes: Mailboxes;
  readonly multiAgents: MultiAgents;
  readonly audited: MultiAgentEvent[] = [];
  readonly logged: string[] = [];
  readonly loggedFields: unknown[] = [];
  readonly #peers: FakeSubscriber[] = [];
  #ids = 0;

  constructor(
    limits: Partial<Limits> = {},
    options: { readonly dataTopics?: readonly string[]; readonly kinds?: DeskOptions["kinds"] } = {},
  ) {
    const router = (this.router = new Router(options.dataTopics));
    const { clock, ledger, identity } = this;
    this.limits = { ...defaultLimits, startHoldMs: 0, ...limits };
    const newId = (): string => this.newId();
    this.exchange = new Exchange(router, ledger, clock, newId);
    this.directory = new DirectoryMemory({
      router,
      exchange: this.exchange,
      limits: this.limits,
      clock,
      endings: new Slices(clock),
    });
    this.requests = new RequestsMemory({ limits: this.limits, clock });
    const conversations = new ConversationsMemory({ limits: this.limits, clock, requests: this.requests });
    followAnswers(this.exchange, { conversations, requests: this.requests });
    const limiter = new LimiterMemory({ limits: this.limits, clock });
    const log: Log = (_level, event, fields) => {
      this.logged.push(event);
      this.loggedFields.push(fields);
    };
    this.agents = new ZeromqAgents({
      router,
      ledger,
      clock,
      identity,
      newId,
      exchange: this.exchange,
      limits: this.limits,
      directory: this.directory,
      limiter,
      requests: this.requests,
      log,
      dataTopics: options.dataTopics ?? [],
    });
    this.mailboxes = new Mailboxes({
      store: new MailStoreMemory(),
      exchange: this.exchange,
      clock,
      limits: this.limits,
      newId,
      log,
      tell: (agent, notice) => {
        this.agents.tell(agent, notice);
      },
      mayClaim: true,
      isProtected: (name) => identity.isProtected(name),
    });
    this.multiAgents = new MultiAgents({
      exchange: this.exchange,
      clock,
      limits: this.limits,
      witness: (event) => this.audited.push(event),
    });
    this.multiAgents.load(new TablesMemory().table("multiagents"));
    this.desk = new Desk({
      limiter,
      multiAgents: this.multiAgents,
      mailboxes: this.mailboxes,
      exchange: this.exchange,
      limits: this.limits,
      directory: this.directory,
      askers: this.agents,
      log,
      status: () => ({ up: true }),
      ...(options.kinds !== undefined && { kinds: options.kinds }),
    });
    const claims = new ClaimWatch(clock, identity, [this.agents], (thrown) => {
      throw thrown;
    });
    identity.proved = (name) => {
      claims.proved(name);
    };
    void this.mailboxes.start();
    void this.agents.start();
    void claims.start();
    void this.desk.start();
  }

  newId(): string {
    return `id-${String((this.#ids += 1))}`;
  }

  /**
   * A connection on the subscriber door with these subscriptions; its names are worked out.
   * @throws Fault if it is refused
   */
  subscriber(topics: readonly string[], facts: PeerFacts = {}): FakeSubscriber {
    const peer = new FakeSubscriber(this.newId(), facts, this.ledger);
    if (peer.principal !== undefined) void this.agents.keepProof(peer.principal, peer.remote);
    this.agents.subscriberReady(peer);
    this.#peers.push(peer);
    for (const topic of topics) this.subscribe(peer, topic);
    this.clock.advance(this.limits.zmqNamingMs);
    return peer;
  }

  subscribe(peer: FakeSubscriber, topic: string): void {
    peer.subscriptions.add(topic);
    this.agents.subscribed(peer, topic);
  }

  unsubscribe(peer: FakeSubscriber, topic: string): void {
    peer.subscriptions.delete(topic);
    this.agents.unsubscribed(peer, topic);
    this.clock.advance(this.limits.zmqNamingMs);
  }

  /** The connection is gone. */
  gone(peer: FakeSubscriber): void {
    this.agents.subscriberGone(peer);
  }

  /** A connection on the publisher door. @throws Fault if it is refused */
  publisher(facts: PeerFacts = {}): FakePublisher {
    const peer = new FakePublisher(this.newId(), facts);
    if (peer.principal !== undefined) void this.agents.keepProof(peer.principal, peer.remote);
    this.agents.publisherReady(peer);
    return peer;
  }

  /** Publishes as a plain agent does. @returns its message_id */
  send(
    by: PublisherPeer,
    from: string,
    to: string,
    type: string,
    content: unknown,
    more: Readonly<Record<string, unknown>> = {},
  ): string {
    const id = this.newId();
    this.sendText(
      by,
      to,
      JSON.stringify({
        message_id: id,
        timestamp: new Date(this.clock.now()).toISOString(),
        from,
        to,
        type,
        priority: "NORMAL",
        content,
        ...more,
      }),
    );
    return id;
  }

  sendText(by: PublisherPeer, topic: string, payload: string): void {
    this.ledger.messages.accepted += 1;
    const trust = by.principal?.trust ?? "claimed";
    this.agents.received(
      Message.fromPayload(Buffer.from(payload), {
        topic,
        receivedAt: this.clock.now(),
        trust,
        origin: by,
        speaker: by.principal,
      }),
      by,
    );
  }

  /** Asks the broker and returns what the asker heard then. */
  ask(by: PublisherPeer, from: string, hears: FakeSubscriber, kind: string, data: unknown = {}): readonly Hearing[] {
    const before = hears.heard.length;
    this.send(by, from, "$broker", "request", { message: kind, kind, data });
    return hears.heard.slice(before);
  }

  /** A session of another dialect: in the directory, hearing its name, recording what it hears. */
  session(
    name: string,
    trust: Principal["trust"] = "shared",
  ): {
    readonly principal: Principal;
    readonly heard: Envelope[];
    say(to: string, type: Envelope["type"], text: string): void;
    end(): void;
  } {
    const own = principal(name, trust, trust === "proved" ? { proof: `token:${name}` } : {});
    const heard: Envelope[] = [];
    const reader: Subscriber = {
      deliver: ({ envelope }) => {
        if (envelope !== undefined) heard.push(envelope);
        return true;
      },
    };
    const presence = this.directory.arrive({ principal: own, dialect: "pan" });
    const unsubscribe = this.router.subscribe(name, reader);
    if (trust === "proved") {
      this.identity.remember(own);
      this.identity.proved(name);
    }
    return {
      principal: own,
      heard,
      say: (to, type, text) => {
        const now = this.clock.now();
        this.ledger.messages.accepted += 1;
        const envelope: Envelope = {
          message_id: this.newId(),
          timestamp: new Date(now).toISOString(),
          from: name,
          to,
          type,
          priority: "NORMAL",
          content: { message: text },
          trust,
        };
        this.exchange.submit(Message.of(envelope, { topic: to, receivedAt: now, trust, origin: reader, speaker: own }));
      },
      end: () => {
        unsubscribe();
        presence.depart();
      },
    };
  }

  /** Both ledgers hold, now. */
  get isExact(): boolean {
    const { accepted, routed, stored, refused, unroutable, malformed } = this.ledger.messages;
    const { copies, written, pending, dropped } = this.ledger.copies;
    return (
      accepted === routed + stored + refused + unroutable + malformed &&
      copies === written + pending + dropped.full + dropped.closed + dropped.expired + dropped.unrenderable
    );
  }

  /** Listed agents, by name. */
  get online(): readonly string[] {
    return this.directory.agents().map(({ name }) => name);
  }

  /** Everybody leaves and the broker stops. */
  async close(): Promise<void> {
    for (const peer of this.#peers) this.gone(peer);
    await this.agents.drain();
    await this.desk.stop();
    await this.agents.stop();
    this.requests.close();
    this.directory.close();
  }
}

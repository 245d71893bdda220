import assert from "node:assert/strict";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import {
  asFault,
  brokerTopic,
  defaultLimits,
  Exchange,
  Ledger,
  Message,
  Router,
  type Envelope,
  Fault,
  type FaultNotice,
  type Limits,
  type Outcome,
  type Principal,
  type Pushed,
  type Recipient,
  type Subscriber,
  type Trust,
} from "../../src/core/index.js";
import { Mailboxes, MailStoreMemory, type MailChange, type MailStore, type Written } from "../../src/mailbox/index.js";

/** Lets everything that waits for a turn of the loop have it. */
export async function turns(count = 4): Promise<void> {
  for (let at = 0; at < count; at += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A store whose writes fail, or wait, as a test wants it; a process that was killed writes nothing through it. */
export class MoodyStore implements MailStore {
  mood: "well" | "failing" | "slow" | "killed" = "well";
  readonly #inner: MailStore;
  #last: Written | undefined;
  // What waits for `commit` and `keep`.
  #slow: { readonly commit: () => void; readonly keep: () => void }[] = [];

  constructor(inner: MailStore) {
    this.#inner = inner;
  }

  get epoch(): string {
    return this.#inner.epoch;
  }
  get diskBytes(): number {
    return this.#inner.diskBytes;
  }
  get syncs(): number {
    return this.#inner.syncs;
  }
  open(): void {
    this.#inner.open();
  }
  close(): Promise<void> {
    return this.mood === "killed" ? Promise.resolve() : this.#inner.close();
  }
  boxes(): ReturnType<MailStore["boxes"]> {
    return this.#inner.boxes();
  }
  rows(box: number, seq: number): ReturnType<MailStore["rows"]> {
    return this.#inner.rows(box, seq);
  }
  row(box: number, seq: number): ReturnType<MailStore["row"]> {
    return this.#inner.row(box, seq);
  }
  body(box: number, seq: number): ReturnType<MailStore["body"]> {
    return this.#inner.body(box, seq);
  }
  said(...args: Parameters<MailStore["said"]>): ReturnType<MailStore["said"]> {
    return this.#inner.said(...args);
  }
  due(now: number, max: number): ReturnType<MailStore["due"]> {
    return this.#inner.due(now, max);
  }

  write(changes: readonly MailChange[]): Written {
    if (this.mood === "failing" || this.mood === "killed") {
      const failed = Promise.reject<void>(new Fault("unavailable", "the disk is full"));
      failed.catch(() => undefined);
      return { committed: failed, kept: failed };
    }
    const written = this.#inner.write(changes);
    this.#last = written;
    if (this.mood === "well") return written;
    let commit = (): void => undefined;
    let keep = (): void => undefined;
    const committed = new Promise<void>((resolve) => (commit = resolve));
    const kept = new Promise<void>((resolve) => (keep = resolve));
    this.#slow.push({ commit, keep });
    return { committed, kept };
  }

  /** What a real disk was given is on it, and everybody has been told. */
  async settled(): Promise<void> {
    await turns();
    await this.#last?.kept.catch(() => undefined);
    await turns();
  }

  /** What was written slowly can be lost by no kill. */
  async commit(): Promise<void> {
    for (const { commit } of this.#slow) commit();
    await turns();
  }

  /** What was written slowly is on the disk. */
  async keep(): Promise<void> {
    await this.commit();
    for (const { keep } of this.#slow.splice(0)) keep();
    await turns();
  }
}

/** One copy that a connection was given. */
export interface Given {
  readonly id: string;
  readonly from: string;
  readonly attempt: number;
  readonly envelope: Envelope;
  readonly message: Message;
}

/** A connection of an owner: it is given what waits, and proves it when the test says so. */
export class FakeOwner implements Subscriber, Recipient {
  readonly principal: Principal | undefined;
  readonly canProve: boolean = true;
  /** What the mailbox has given it, in order. */
  readonly given: Given[] = [];
  /** What came past the mailbox. */
  readonly passed: Message[] = [];
  /** Questions that are open: of how many of `given`. */
  readonly questions: { readonly upTo: number; readonly proved: (tookMs: number) => void }[] = [];
  /** It takes so many more; then it is full. */
  room = Infinity;
  /** Ids that it can never be told. */
  readonly unrenderable = new Set<string>();
  readonly #ledger: Ledger;
  #end: (() => void) | undefined;

  constructor(world: Pick<MailWorld, "router" | "ledger">, topic: string, principal?: Principal) {
    this.principal = principal;
    this.#ledger = world.ledger;
    this.#end = world.router.subscribe(topic, this);
  }

  get recipient(): Recipient {
    return this;
  }

  get isOpen(): boolean {
    return this.#end !== undefined;
  }

  /** What it was given, by id. */
  get ids(): readonly string[] {
    return this.given.map(({ id }) => id);
  }

  deliver(message: Message): boolean {
    this.passed.push(message);
    this.#copy();
    return true;
  }

  push(message: Message): Pushed {
    if (!this.isOpen) return "closed";
    const { envelope } = message;
    assert(envelope !== undefined);
    if (this.unrenderable.has(envelope.message_id)) return { unrenderable: "it has no words for that" };
    if (this.room === 0) return "full";
    this.room -= 1;
    const marks = envelope.$broker?.attempt ?? 1;
    this.given.push({ id: envelope.message_id, from: envelope.from, attempt: marks, envelope, message });
    this.#copy();
    return "taken";
  }

  prove(_asker: object, proved: (tookMs: number) => void): void {
    this.questions.push({ upTo: this.given.length, proved });
  }

  /** Answers the oldest question. @returns what it has proved to have read; undefined if nothing is asked */
  proves(tookMs = 1): readonly string[] | undefined {
    const question = this.questions.shift();
    question?.proved(tookMs);
    return question && this.ids.slice(0, question.upTo);
  }

  /** Answers all questions, also those that come meanwhile. */
  async provesAll(): Promise<void> {
    await turns();
    while (this.proves() !== undefined) await turns();
  }

  /** Its connection ends. */
  end(): void {
    this.#end?.();
    this.#end = undefined;
  }

  #copy(): void {
    this.#ledger.copies.copies += 1;
    this.#ledger.copies.written += 1;
  }
}

/** What is said in a test. */
export interface Said extends Partial<Envelope> {
  readonly trust?: Trust;
  readonly speaker?: Principal;
}

/** Mailboxes with a real router and exchange, a clock that goes when told, and a disk that can fail. */
export class MailWorld {
  readonly clock: FakeClock;
  readonly limits: Limits;
  readonly router = new Router();
  readonly ledger = new Ledger();
  readonly exchange: Exchange;
  readonly disk: MailStore;
  readonly store: MoodyStore;
  readonly mailboxes: Mailboxes;
  /** What agents were told of their requests. */
  readonly told: { readonly agent: string; readonly notice: FaultNotice }[] = [];
  readonly logged: string[] = [];
  #count = 0;

  private constructor(disk: MailStore, limits: Partial<Limits>, wall: number | undefined, mayClaim: boolean) {
    this.disk = disk;
    this.store = new MoodyStore(disk);
    this.clock = new FakeClock(wall);
    this.limits = { ...defaultLimits, ...limits };
    const newId = (): string => `broker-${String((this.#count += 1))}`;
    this.exchange = new Exchange(this.router, this.ledger, this.clock, newId);
    this.mailboxes = new Mailboxes({
      store: this.store,
      exchange: this.exchange,
      clock: this.clock,
      limits: this.limits,
      newId,
      log: (_level, event) => this.logged.push(event),
      tell: (agent, notice) => this.told.push({ agent, notice }),
      mayClaim,
      isProtected: () => false,
    });
  }

  static async start(
    disk: MailStore = new MailStoreMemory(),
    limits: Partial<Limits> = {},
    wall?: number,
    mayClaim = true,
  ): Promise<MailWorld> {
    const world = new MailWorld(disk, limits, wall, mayClaim);
    await world.mailboxes.start();
    return world;
  }

  /** One in which bob's box is open. */
  static async withBox(): Promise<MailWorld> {
    const world = await MailWorld.start();
    await world.open();
    return world;
  }

  /** The process is killed, and another one starts on the same disk. Nothing of the old one is written any more. */
  async killed(limits: Partial<Limits> = this.limits): Promise<MailWorld> {
    this.store.mood = "killed";
    await this.mailboxes.stop();
    return MailWorld.start(this.disk, limits, this.clock.now());
  }

  /** Bob's box, opened by a ZeroMQ connection that claims the name unless told. */
  async open(name = "bob", settings: Parameters<Mailboxes["open"]>[1] = {}, trust: Trust = "claimed"): Promise<void> {
    await this.mailboxes.open({ name, trust, ...(trust === "proved" && { proof: `token:${name}` }) }, settings);
    await turns();
  }

  owner(principal?: Principal, topic = "bob"): FakeOwner {
    return new FakeOwner(this, topic, principal);
  }

  box(name = "bob") {
    const mailbox = this.mailboxes.mailbox(name);
    assert(mailbox !== undefined);
    return mailbox;
  }

  get counts() {
    return this.mailboxes.status("bob").counts;
  }

  /** Says something to bob, by default as ada, an inform of a claimed name. @returns the outcome, or why it is refused */
  say({ trust = "claimed", speaker, ...said }: Said = {}): Omit<Outcome, "safe"> | Fault {
    const envelope: Envelope = {
      message_id: `m${String((this.#count += 1))}`,
      timestamp: new Date(this.clock.now()).toISOString(),
      from: "ada",
      to: "bob",
      type: "inform",
      priority: "NORMAL",
      content: { message: "hello" },
      ...said,
    };
    this.ledger.messages.accepted += 1;
    const more = speaker === undefined ? {} : { speaker };
    const arrival = { topic: envelope.to, receivedAt: this.clock.now(), trust, origin: undefined, ...more };
    try {
      const { receivers, stored, repeated } = this.exchange.submit(Message.of(envelope, arrival));
      return { receivers, stored, ...(repeated && { repeated }) };
    } catch (thrown) {
      const fault = asFault(thrown);
      if (fault.code === "internal") throw thrown;
      return fault;
    }
  }

  /** The broker itself says something to bob. */
  announce(content: Envelope["content"], more: Partial<Envelope> = {}): Outcome {
    return this.exchange.announce("bob", { type: "inform", content, ...more });
  }

  /** The receipts that `owner` heard, or that went past its box. */
  static receipts(owner: FakeOwner): readonly Readonly<Record<string, unknown>>[] {
    return owner.passed
      .map(({ envelope }) => envelope)
      .filter((envelope) => envelope?.from === brokerTopic && envelope.content.kind === "receipt")
      .map((envelope) => envelope?.content.data as Record<string, unknown>);
  }

  /** Takes what there is, without waiting. */
  async take(more: { max?: number; maxBytes?: number; maxTokens?: number; leaseMs?: number } = {}) {
    const mailbox = this.box();
    mailbox.load();
    const until = AbortSignal.abort();
    const taken = mailbox.taking.take({ max: 100, maxBytes: 1e9, leaseMs: 120_000, until, ...more });
    return (await taken).map((envelope) => ({
      id: envelope.message_id,
      envelope,
      delivery: envelope.$broker?.delivery_id ?? "",
    }));
  }

  /** Both ledgers, and the counts of each box, are exact. */
  sound(): void {
    const { messages, copies } = this.ledger;
    const { accepted, routed, stored, refused, unroutable, malformed } = messages;
    assert.equal(accepted, routed + stored + refused + unroutable + malformed, "messages");
    const dropped = Object.values(copies.dropped).reduce((sum, one) => sum + one, 0);
    assert.equal(copies.copies, copies.written + dropped + copies.pending, "copies");
    for (const { name, counts } of this.mailboxes.page({ max: Infinity }).boxes) {
      const { waiting, leased, done, answered, refused: no, expired, dead } = counts;
      assert.equal(counts.stored, waiting + leased + done + answered + no + expired + dead, `counts of ${name}`);
      assert(Object.values(counts).every((count) => count >= 0));
    }
  }

  async stop(): Promise<void> {
    await this.mailboxes.stop();
  }

  /** The end of a test: all sums were right until then. */
  async end(): Promise<void> {
    this.sound();
    await this.stop();
  }
}

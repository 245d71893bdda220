import {
  asFault,
  everyone,
  Fault,
  hearFault,
  isRoom,
  Message,
  noticeMessage,
  noticeOf,
  principal,
  publishFault,
  readEnvelope,
  subscriptionKind,
  type Envelope,
  type Exchange,
  type FaultNotice,
  type Principal,
  type Pushed,
  type Recipient,
  type Subscriber,
} from "../../../src/core/index.js";
import type { MessageListener, Link } from "./link.js";

/** What an agent in the broker's own process talks to; the composition root makes it from the broker's parts. */
export interface MemoryHome {
  readonly exchange: Exchange;
  readonly newId: () => string;
  /** Enters the directory and takes a seat at the desk. @throws Fault conflict, full, malformed */
  arrive(link: MemoryLink): MemoryPresence;
}

/** The entry of such an agent in the directory. */
export interface MemoryPresence {
  /** @throws Fault forbidden, full, malformed */
  join(room: string): boolean;
  /** @throws Fault not-found */
  leave(room: string): boolean;
  depart(): void;
}

/** What proves an agent of the broker's own process. */
export function processProof(name: string): string {
  return `process:${name}`;
}

/**
 * An agent in the broker's own process: no sockets, the same messages and the same rules. What is refused is told as
 * over ZeroMQ, by an inform from `$broker` (ZeroMQ §10).
 */
export class MemoryLink implements Link, Subscriber, Recipient {
  readonly isDirect = true;
  readonly canProve = true;
  readonly principal: Principal;
  readonly #home: MemoryHome;
  readonly #heard: MessageListener;
  readonly #presence: MemoryPresence;
  // bound: what the application subscribes to · evicts: nothing, it is the broker's own process · owner: MemoryLink
  readonly #subscriptions = new Map<string, (() => void) | "asleep">();
  #phase: "open" | "closed" = "open";

  /** @throws Fault conflict, full, malformed */
  constructor(name: string, home: MemoryHome, heard: MessageListener) {
    this.#home = home;
    this.#heard = heard;
    // Each its own: agents of one program are not invited where one of them is.
    this.principal = principal(name, "proved", { proof: processProof(name) });
    this.#presence = home.arrive(this);
    this.subscribe(name);
    this.subscribe(everyone);
  }

  get recipient(): Recipient {
    return this;
  }

  /** True if the application subscribed to `topic` itself. */
  wants(topic: string): boolean {
    return this.#subscriptions.has(topic);
  }

  /** A subscription to a room that it may not enter sleeps; the agent is told (ZeroMQ §6.3). */
  subscribe(topic: string): boolean {
    if (this.#phase === "closed" || this.#subscriptions.has(topic)) return false;
    this.#subscriptions.set(topic, "asleep");
    try {
      if (isRoom(topic)) this.#presence.join(topic);
      const fault = hearFault(topic, true);
      if (fault !== undefined) throw fault;
      this.#wake(topic);
    } catch (thrown) {
      this.#tellAsleep(topic, asFault(thrown));
    }
    return true;
  }

  unsubscribe(topic: string): void {
    const end = this.#subscriptions.get(topic);
    this.#subscriptions.delete(topic);
    if (end === undefined || end === "asleep") return;
    end();
    if (isRoom(topic)) this.#presence.leave(topic);
  }

  /** Joins a room, as asked at the desk. @throws Fault forbidden, full, malformed */
  join(room: string): boolean {
    const joined = this.#presence.join(room);
    if (this.#subscriptions.has(room)) this.#wake(room);
    return joined;
  }

  /** Leaves a room, as asked at the desk. @throws Fault not-found */
  leave(room: string): boolean {
    const left = this.#presence.leave(room);
    this.putOut(room);
    return left;
  }

  /** It is no longer in a room. */
  putOut(room: string): void {
    const end = this.#subscriptions.get(room);
    if (end === undefined || end === "asleep") return;
    end();
    this.#subscriptions.set(room, "asleep");
  }

  publish(topic: string, payload: string): Promise<void> {
    if (this.#phase === "closed") return Promise.reject(new Fault("going-away", "this agent is closed"));
    const { exchange, newId } = this.#home;
    const receivedAt = exchange.clock.now();
    exchange.ledger.messages.accepted += 1;
    const reading = readEnvelope(JSON.parse(payload), { topic, receivedAt, fallbackId: newId(), trust: "proved" });
    if ("problem" in reading) exchange.ledger.malformed("payload-unreadable");
    else this.#submit(reading.envelope, topic, receivedAt);
    return "problem" in reading ? Promise.reject(new Fault("malformed", reading.problem)) : Promise.resolve();
  }

  close(): Promise<void> {
    if (this.#phase === "closed") return Promise.resolve();
    this.#phase = "closed";
    for (const end of this.#subscriptions.values()) if (end !== "asleep") end();
    this.#subscriptions.clear();
    this.#presence.depart();
    return Promise.resolve();
  }

  /** Hands one copy over; it counts as written at once. What it says to everybody it does not hear itself. */
  deliver(message: Message, observed: boolean): boolean {
    if (this.#phase === "closed" || (message.origin === this && message.topic === everyone)) return false;
    const { taps, copies } = this.#home.exchange.ledger;
    const ledger = observed ? taps : copies;
    ledger.copies += 1;
    ledger.written += 1;
    const { topic, stampedPayload, trust } = message.keep();
    queueMicrotask(() => {
      this.#heard(topic, stampedPayload, trust);
    });
    return true;
  }

  /** There is no line on which anything could be lost: what it takes is handed over (protocols §9.1). */
  push(message: Message): Pushed {
    return this.deliver(message, false) ? "taken" : "closed";
  }

  /** Its handlers have begun by then; others have had their turn. */
  prove(_asker: object, proved: (tookMs: number) => void): void {
    setImmediate(() => {
      if (this.#phase === "open") proved(0);
    });
  }

  /** Tells the agent why something was refused. */
  tell(notice: FaultNotice): void {
    const { exchange, newId } = this.#home;
    exchange.ledger.messages.accepted += 1;
    exchange.ledger.messages.routed += 1;
    this.deliver(noticeMessage(this.principal.agent, notice, { clock: exchange.clock, newId }), false);
  }

  #submit(envelope: Envelope, topic: string, receivedAt: number): void {
    const { exchange } = this.#home;
    const arrival = { topic, receivedAt, trust: "proved", origin: this, speaker: this.principal } as const;
    try {
      const misplaced = publishFault(topic);
      if (misplaced !== undefined) {
        exchange.ledger.refuse("topic-not-yours");
        throw misplaced;
      }
      exchange.submit(Message.of(envelope, arrival));
    } catch (thrown) {
      this.#tellRefused(asFault(thrown), envelope);
    }
  }

  /** As over ZeroMQ: nobody is told about a response or a fault, nor that an inform reached nobody (ZeroMQ §10.2). */
  #tellRefused(fault: Fault, envelope: Envelope): void {
    const { type, content } = envelope;
    if (fault.code === "not-found" && type !== "request") this.#home.exchange.ledger.count(`${type}-to-nobody`);
    else if (type !== "response" && content.kind !== "fault") this.tell(noticeOf(fault, envelope));
  }

  #wake(topic: string): void {
    if (this.#subscriptions.get(topic) !== "asleep") return;
    const { router } = this.#home.exchange;
    const kind = subscriptionKind(topic);
    this.#subscriptions.set(
      topic,
      kind === "tap"
        ? router.tap(this)
        : kind === "prefix"
          ? router.subscribePrefix(topic, this)
          : router.subscribe(topic, this),
    );
  }

  /** Told once the present turn is over: who joins a room asks the desk in it, and hears the refusal as its answer. */
  #tellAsleep(topic: string, { code, message }: Fault): void {
    setImmediate(() => {
      if (this.#subscriptions.get(topic) !== "asleep") return;
      this.tell(noticeOf({ code, message, detail: { subscription: topic } }));
    });
  }
}

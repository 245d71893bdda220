import {
  Fault,
  Message,
  agentNameProblem,
  everyone,
  principal,
  readEnvelope,
  type Exchange,
  type ListedAgent,
  type ListedRoom,
  type Principal,
  type Subscriber,
} from "../../../src/core/index.js";
import type { MessageListener, House, Link } from "./link.js";

/** What an agent in the broker's own process talks to; the composition root makes it from the broker's parts. */
export interface MemoryHome {
  readonly exchange: Exchange;
  readonly newId: () => string;
  /** Enters the directory. @throws Fault conflict, full */
  arrive(principal: Principal): MemoryPresence;
  agents(): readonly ListedAgent[];
  rooms(viewer: Principal): readonly ListedRoom[];
}

/** The entry of such an agent in the directory. */
export interface MemoryPresence {
  join(room: string): void;
  leave(room: string): void;
  depart(): void;
}

/** An agent in the broker's own process: no sockets, the same messages. */
export class MemoryLink implements Link, Subscriber {
  readonly house: House;
  readonly #home: MemoryHome;
  readonly #heard: MessageListener;
  readonly #principal: Principal;
  readonly #presence: MemoryPresence;
  // bound: what the application subscribes to · evicts: nothing, it is the broker's own process · owner: MemoryLink
  readonly #subscriptions = new Map<string, () => void>();
  #closed = false;

  /** @throws Fault malformed, conflict, full */
  constructor(name: string, home: MemoryHome, heard: MessageListener) {
    const problem = agentNameProblem(name);
    if (problem !== undefined) throw new Fault("malformed", `the name ${name} ${problem}; choose another`);
    this.#home = home;
    this.#heard = heard;
    this.#principal = principal(name, "proved", { proof: "process" });
    this.#presence = home.arrive(this.#principal);
    this.subscribe(name);
    this.subscribe(everyone);
    this.house = {
      join: (room) =>
        this.#at(() => {
          this.#presence.join(room);
          this.subscribe(room);
        }),
      leave: (room) =>
        this.#at(() => {
          this.unsubscribe(room);
          this.#presence.leave(room);
        }),
      agents: () => this.#at(() => home.agents()),
      rooms: () => this.#at(() => home.rooms(this.#principal)),
    };
  }

  subscribe(topic: string): boolean {
    if (this.#subscriptions.has(topic)) return false;
    this.#subscriptions.set(topic, this.#home.exchange.router.subscribe(topic, this));
    return true;
  }

  unsubscribe(topic: string): void {
    this.#subscriptions.get(topic)?.();
    this.#subscriptions.delete(topic);
  }

  publish(topic: string, payload: string): Promise<void> {
    return this.#at(() => {
      if (this.#closed) throw new Fault("going-away", "this agent is closed");
      const { exchange, newId } = this.#home;
      const receivedAt = exchange.clock.now();
      exchange.ledger.messages.accepted += 1;
      const reading = readEnvelope(JSON.parse(payload), { topic, receivedAt, fallbackId: newId(), trust: "proved" });
      if ("problem" in reading) {
        exchange.ledger.malformed("payload-unreadable");
        throw new Fault("malformed", reading.problem);
      }
      exchange.submit(
        Message.of(reading.envelope, { topic, receivedAt, trust: "proved", origin: this, speaker: this.#principal }),
      );
    });
  }

  close(): Promise<void> {
    return this.#at(() => {
      if (this.#closed) return;
      this.#closed = true;
      for (const unsubscribe of this.#subscriptions.values()) unsubscribe();
      this.#subscriptions.clear();
      this.#presence.depart();
    });
  }

  /** Hands one copy over; it counts as written at once. */
  deliver(message: Message, observed: boolean): boolean {
    if (this.#closed || message.origin === this) return false;
    const ledger = observed ? this.#home.exchange.ledger.taps : this.#home.exchange.ledger.copies;
    ledger.copies += 1;
    ledger.written += 1;
    const { topic, payload, trust } = message.keep();
    queueMicrotask(() => {
      this.#heard(topic, payload, trust);
    });
    return true;
  }

  /** Runs it now; what it throws becomes a rejection. */
  #at<T>(run: () => T): Promise<T> {
    try {
      return Promise.resolve(run());
    } catch (thrown) {
      return Promise.reject(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  }
}

import { Exchange, Message, type Envelope } from "../../src/core/index.js";
import { Overhearing, type CountedSender, type Overheard } from "../../src/telemetry/overhearing.js";
import type { Forwarder } from "../../src/zeromq/wire/forward.js";
import { Ear, ForwardWorld, push } from "../zeromq/wire/forward-world.js";
import { message } from "../zeromq/wire/raw-peer.js";

/** An exchange and a publisher of bytes on one router, and an ear on what goes by. */
export class TalkWorld {
  readonly wire = new ForwardWorld();
  readonly clock = this.wire.clock;
  readonly exchange: Exchange;
  readonly overhearing: Overhearing;
  readonly heard: Overheard[] = [];
  readonly counted: (readonly [topic: string, count: number, bytes: number, sender?: CountedSender | undefined])[] = [];
  readonly failed: unknown[] = [];
  /** Agents that are listed to their contacts only. */
  readonly hidden = new Set<string>();
  readonly #publisher: Forwarder;
  #ids = 0;

  constructor(dataTopics: readonly string[] = []) {
    const { router, ledger } = this.wire;
    this.exchange = new Exchange(router, ledger, this.clock, () => `id-${String((this.#ids += 1))}`);
    this.overhearing = new Overhearing({
      exchange: this.exchange,
      dataTopics,
      isHidden: (name) => this.hidden.has(name),
      failed: (thrown) => this.failed.push(thrown),
    });
    this.overhearing.add({
      heard: (overheard) => this.heard.push(overheard),
      counted: (...count) => this.counted.push(count),
    });
    this.#publisher = this.wire.publisher();
  }

  /** Somebody on ZeroMQ is there: its topic is on the byte path. */
  listens(topic: string): Ear {
    const ear = new Ear();
    this.wire.router.subscribe(topic, ear);
    return ear;
  }

  /** Somebody is there for whom messages are parsed. */
  reads(topic: string): void {
    this.wire.router.subscribe(topic, { deliver: () => true });
  }

  /** Says something in the broker's own words. */
  says(from: string, to: string, more: Partial<Envelope> = {}, as: Partial<Message> = {}): void {
    const submitted = Message.of(
      {
        message_id: `m-${String((this.#ids += 1))}`,
        timestamp: new Date(this.clock.now()).toISOString(),
        from,
        to,
        type: "inform",
        priority: "NORMAL",
        content: { message: "hello" },
        ...more,
      },
      { topic: to, receivedAt: this.clock.now(), trust: "proved", origin: {} },
    );
    Object.assign(submitted, as);
    this.wire.ledger.messages.accepted += 1;
    this.exchange.submit(submitted);
  }

  /** Publishes payloads in one chunk. */
  publishes(...sent: readonly (readonly [topic: string, payload: string | Buffer])[]): void {
    push(this.#publisher, Buffer.concat(sent.map(([topic, payload]) => message(topic, payload))));
  }

  /** Who said what kind of message to whom, since the last call. */
  since(): string[] {
    return this.heard.splice(0).map(({ from, to, type, messageId }) => `${from} ${type} ${to} ${messageId}`);
  }
}

/** A payload as plain agents write it. */
export function payload(from: string, id: string, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ message_id: id, from, type: "inform", content: { message: "hi" }, ...more });
}

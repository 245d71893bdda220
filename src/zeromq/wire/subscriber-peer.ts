import { isUtf8 } from "node:buffer";
import {
  SendQueue,
  type BacklogTotal,
  type Clock,
  type Flusher,
  type Ledger,
  type Limits,
  type Message,
} from "../../core/index.js";
import { commandFlag, encodeMessage, FrameReader, unitEnd, type ZmtpFrame } from "./codec.js";
import { encodePing, encodePong, readCommand } from "./commands.js";
import type { Introduction } from "./handshake.js";
import { Heartbeat } from "./peer.js";
import { IllegalBytes } from "./codec.js";
import { PeerFacts, type Line, type Side } from "./peer.js";
import type { SubscriberPeer, ZmtpPolicy } from "./policy.js";

/** What a subscriber sends is short: subscriptions, pings. Room for the rest of a command beside its topic. */
const commandRoomBytes = 256;

export interface SubscriberContext {
  readonly ledger: Ledger;
  readonly limits: Limits;
  readonly policy: ZmtpPolicy;
  readonly clock: Clock;
  readonly flusher: Flusher;
  readonly total: BacklogTotal;
}

/**
 * A connection on the XPUB door: an agent's SUB. It holds what waits for the agent and the set of what it asked for.
 */
export class SubscriberSide extends PeerFacts implements Side, SubscriberPeer {
  // bound: zmqSubscriptionsMax · evicts: a subscription beyond it is ignored and counted; all go with the connection ·
  // owner: SubscriberSide
  readonly subscriptions = new Set<string>();
  readonly inspects: boolean;
  readonly #line: Line;
  readonly #context: SubscriberContext;
  readonly #sendQueue: SendQueue;
  readonly #reader: FrameReader;
  readonly #heartbeat: Heartbeat;
  #phase: "greeting" | "open" | "gone" = "greeting";
  /** What the policy sent before our READY had left. */
  #early: { readonly bytes: Buffer; readonly done: (error?: Error | null) => void }[] = [];
  /** When a tick last found that messages had been taken for this peer. */
  #busyAt = 0;
  #taken = false;

  constructor(line: Line, introduction: Introduction, context: SubscriberContext) {
    super(line, introduction);
    const { clock, flusher, ledger, limits, total } = context;
    this.#line = line;
    this.#context = context;
    this.inspects = introduction.principal?.scopes.has("inspect") ?? false;
    this.#reader = new FrameReader(limits.zmqTopicMaxBytes + commandRoomBytes);
    this.#heartbeat = new Heartbeat(limits, clock.monotonic());
    this.#sendQueue = new SendQueue({
      wire: {
        write: (bytes, done) => {
          if (this.#phase === "greeting") this.#early.push({ bytes, done });
          else line.write(bytes, done);
        },
      },
      flusher,
      ledger,
      total,
      maxBytes: limits.zmqBacklogMaxBytes,
      evict: () => {
        line.cut("zmtp-evicted");
      },
      monotonic: () => clock.monotonic(),
    });
  }

  get peer(): SubscriberPeer {
    return this;
  }

  get subscriptionCount(): number {
    return this.subscriptions.size;
  }

  get dropped(): number {
    return this.#sendQueue.dropped;
  }

  get buffered(): number {
    return this.#sendQueue.buffered;
  }

  deliver(message: Message, observed: boolean): boolean {
    const wire = (message.wire ??= encodeMessage(message.topic, message.stampedPayload));
    this.#taken = true;
    this.#sendQueue.append(wire, 0, wire.length, 1, observed, true);
    return true;
  }

  deliverAs(topic: string, message: Message): boolean {
    const wire = encodeMessage(topic, message.stampedPayload);
    this.#taken = true;
    this.#sendQueue.append(wire, 0, wire.length, 1, false, true);
    return true;
  }

  forward(chunk: Buffer, start: number, end: number, count: number, observed: boolean, lasting: boolean): void {
    this.#taken = true;
    const { zmqBacklogMaxBytes, zmqFrameMaxBytes } = this.#context.limits;
    if (count === 1 || this.#sendQueue.buffered + end - start <= zmqBacklogMaxBytes) {
      this.#sendQueue.append(chunk, start, end, count, observed, lasting);
      return;
    }
    // Not all of it fits: message by message, so that only the newest are dropped.
    for (let at = start; at < end;) {
      const next = unitEnd(chunk, at, zmqFrameMaxBytes);
      this.#sendQueue.append(chunk, at, next, 1, observed, false);
      at = next;
    }
  }

  opened(): void {
    this.#phase = "open";
    for (const { bytes, done } of this.#early) this.#line.write(bytes, done);
    this.#early = [];
  }

  data(chunk: Buffer): void {
    this.#heartbeat.heard(this.#context.clock.monotonic());
    this.#reader.feed(chunk);
    while (this.#phase === "open") {
      const frame = this.#reader.next();
      if (frame === undefined) return;
      if ((frame.flags & commandFlag) === 0) this.#message(frame);
      else this.#command(frame.body);
    }
  }

  tick(now: number): void {
    const { buffered, progressAt } = this.#sendQueue;
    if (buffered > 0 && now - progressAt >= this.#context.limits.stuckMs) {
      this.#line.cut("zmtp-stuck");
      return;
    }
    if (this.#taken || buffered > 0) this.#busyAt = now;
    this.#taken = false;
    const pulse = this.#heartbeat.pulse(now, this.#busyAt);
    if (pulse === "ping") this.#answer(encodePing());
    else if (pulse !== "fine") this.#line.cut(`zmtp-${pulse}`);
  }

  abandon(): void {
    this.#phase = "gone";
    this.#early = [];
    this.#sendQueue.close("closed");
  }

  gone(): void {
    this.abandon();
    this.#context.policy.subscriberGone(this);
  }

  #command(body: Buffer): void {
    const { name, data } = readCommand(body);
    if (name === "SUBSCRIBE") this.#subscribe(data);
    else if (name === "CANCEL") this.#cancel(data);
    else if (name === "READY") throw new IllegalBytes("zmtp-ready-twice");
    else if (name === "PING") this.#answer(encodePong(this.#heartbeat.ping(data)));
    else if (name === "PONG") this.#heartbeat.pong();
  }

  /** ZMTP 3.0: a subscription is a message that begins with 1, its end one that begins with 0. */
  #message({ body }: ZmtpFrame): void {
    if (body[0] === 1) this.#subscribe(body.subarray(1));
    else if (body[0] === 0) this.#cancel(body.subarray(1));
    else this.#context.ledger.count("zmtp-upstream-ignored");
  }

  #subscribe(bytes: Buffer): void {
    const { ledger, limits, policy } = this.#context;
    const topic = this.#topic(bytes);
    if (topic === undefined || this.subscriptions.has(topic)) return;
    if (this.subscriptions.size >= limits.zmqSubscriptionsMax) {
      ledger.count("zmtp-subscriptions-full");
      return;
    }
    this.subscriptions.add(topic);
    policy.subscribed(this, topic);
  }

  #cancel(bytes: Buffer): void {
    const topic = this.#topic(bytes);
    if (topic !== undefined && this.subscriptions.delete(topic)) this.#context.policy.unsubscribed(this, topic);
  }

  #topic(bytes: Buffer): string | undefined {
    if (bytes.length <= this.#context.limits.zmqTopicMaxBytes && isUtf8(bytes)) return bytes.toString("utf8");
    this.#context.ledger.count("zmtp-subscription-unreadable");
    return undefined;
  }

  /** Answers wait like messages; a peer that lets them pile up gets no more. */
  #answer(bytes: Buffer): void {
    if (this.#sendQueue.buffered < this.#context.limits.zmqBacklogMaxBytes) this.#sendQueue.control(bytes);
    else this.#context.ledger.count("zmtp-answer-dropped");
  }
}

import { isUtf8 } from "node:buffer";
import { SendQueue, type Message } from "../../core/index.js";
import { commandFlag, encodeMessage, FrameReader, IllegalBytes, unitEnd, type ZmtpFrame } from "./codec.js";
import { encodePing, encodePong, readCommand } from "./commands.js";
import type { Introduction } from "./handshake.js";
import { Heartbeat, PeerFacts, type ConnectedPeer, type PeerSocket, type SharedParts } from "./peer.js";
import type { SubscriberPeer } from "./policy.js";

/** A subscriber sends short frames only: a topic, and this much for the rest of a command. */
const commandRoomBytes = 256;

/** A connection on the XPUB door: an agent's SUB, the set of its subscriptions and the queue of bytes for it. */
export class ConnectedSubscriber extends PeerFacts implements ConnectedPeer, SubscriberPeer {
  // bound: zmqSubscriptionsMax · evicts: a subscription beyond it is ignored and counted; all go with the connection ·
  // owner: ConnectedSubscriber
  readonly subscriptions = new Set<string>();
  readonly inspects: boolean;
  readonly #socket: PeerSocket;
  readonly #parts: SharedParts;
  readonly #sendQueue: SendQueue;
  readonly #reader: FrameReader;
  readonly #heartbeat: Heartbeat;
  #phase: "greeting" | "open" | "gone" = "greeting";
  /** What the policy sent before our READY: it is written after READY. */
  #early: { readonly bytes: Buffer; readonly done: (error?: Error | null) => void }[] = [];
  /** Monotonic: when a tick last found that this peer had been given messages. */
  #busyAt = 0;
  #wasGiven = false;

  constructor(socket: PeerSocket, introduction: Introduction, parts: SharedParts) {
    super(socket, introduction);
    const { clock, flusher, ledger, limits, total } = parts;
    this.#socket = socket;
    this.#parts = parts;
    this.inspects = introduction.principal?.scopes.has("inspect") ?? false;
    this.#reader = new FrameReader(limits.zmqTopicMaxBytes + commandRoomBytes);
    this.#heartbeat = new Heartbeat(limits, clock.monotonic());
    this.#sendQueue = new SendQueue({
      wire: {
        write: (bytes, done) => {
          if (this.#phase === "greeting") this.#early.push({ bytes, done });
          else socket.write(bytes, done);
        },
      },
      flusher,
      ledger,
      total,
      maxBytes: limits.zmqBacklogMaxBytes,
      evict: () => {
        socket.cut("zmtp-evicted");
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
    this.#wasGiven = true;
    this.#sendQueue.append(wire, 0, wire.length, 1, observed, true);
    return true;
  }

  deliverAs(topic: string, message: Message): boolean {
    const wire = encodeMessage(topic, message.stampedPayload);
    this.#wasGiven = true;
    this.#sendQueue.append(wire, 0, wire.length, 1, false, true);
    return true;
  }

  forward(chunk: Buffer, start: number, end: number, count: number, observed: boolean, lasting: boolean): void {
    this.#wasGiven = true;
    const { zmqBacklogMaxBytes, zmqFrameMaxBytes } = this.#parts.limits;
    if (count === 1 || this.#sendQueue.buffered + end - start <= zmqBacklogMaxBytes) {
      this.#sendQueue.append(chunk, start, end, count, observed, lasting);
      return;
    }
    // Not all of it fits: append message by message, so that only the newest are dropped.
    for (let at = start; at < end;) {
      const next = unitEnd(chunk, at, zmqFrameMaxBytes);
      this.#sendQueue.append(chunk, at, next, 1, observed, false);
      at = next;
    }
  }

  opened(): void {
    this.#phase = "open";
    for (const { bytes, done } of this.#early) this.#socket.write(bytes, done);
    this.#early = [];
  }

  data(chunk: Buffer): void {
    this.#heartbeat.heard(this.#parts.clock.monotonic());
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
    if (buffered > 0 && now - progressAt >= this.#parts.limits.stuckMs) {
      this.#socket.cut("zmtp-stuck");
      return;
    }
    if (this.#wasGiven || buffered > 0) this.#busyAt = now;
    this.#wasGiven = false;
    const pulse = this.#heartbeat.pulse(now, this.#busyAt);
    if (pulse === "ping") this.#answer(encodePing());
    else if (pulse !== "fine") this.#socket.cut(`zmtp-${pulse}`);
  }

  abandon(): void {
    this.#phase = "gone";
    this.#early = [];
    this.#sendQueue.close("closed");
  }

  gone(): void {
    this.abandon();
    this.#parts.policy.subscriberGone(this);
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
    else this.#parts.ledger.count("zmtp-upstream-ignored");
  }

  #subscribe(bytes: Buffer): void {
    const { ledger, limits, policy } = this.#parts;
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
    if (topic !== undefined && this.subscriptions.delete(topic)) this.#parts.policy.unsubscribed(this, topic);
  }

  #topic(bytes: Buffer): string | undefined {
    if (bytes.length <= this.#parts.limits.zmqTopicMaxBytes && isUtf8(bytes)) return bytes.toString("utf8");
    this.#parts.ledger.count("zmtp-subscription-unreadable");
    return undefined;
  }

  /** Answers wait in the queue like messages; a peer that does not read them gets no more. */
  #answer(bytes: Buffer): void {
    if (this.#sendQueue.buffered < this.#parts.limits.zmqBacklogMaxBytes) this.#sendQueue.control(bytes);
    else this.#parts.ledger.count("zmtp-answer-dropped");
  }
}

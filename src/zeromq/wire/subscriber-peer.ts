import {
  isAgentName,
  SendQueue,
  sightOf,
  topicOf,
  type Message,
  type Recipient,
  type Sight,
} from "../../core/index.js";
import { ClippedFrameReader, type ClippedFrame } from "./clipped-frames.js";
import { commandFlag, encodeMessage, IllegalBytes, unitEnd } from "./codec.js";
import { encodePing, encodePong, readCommand } from "./commands.js";
import type { Introduction } from "./handshake.js";
import { Losses, type LossReason } from "./losses.js";
import { Heartbeat, PeerFacts, type ConnectedPeer, type PeerSocket, type SharedParts } from "./peer.js";
import type { SubscriberPeer } from "./policy.js";
import { SubscriberRecipient } from "./recipient.js";
import type { ConnectionBudget } from "./subscription-budget.js";

/**
 * What a subscriber sends is short: a topic, and this much for the rest of a command. Of more, the rest is not kept.
 */
const commandRoomBytes = 256;
/** So much of a subscription that is too long is shown to its author. */
const shownMaxBytes = 64;

/** A connection on the XPUB door: an agent's SUB, the set of its subscriptions and the queue of bytes for it. */
export class ConnectedSubscriber extends PeerFacts implements ConnectedPeer, SubscriberPeer {
  // bound: zmqSubscriptionsMax, and zmqNamesMax names; the bytes of SubscriptionBudget · evicts: a subscription beyond
  // it is refused, counted and told; all go with the connection · owner: ConnectedSubscriber
  readonly subscriptions = new Set<string>();
  readonly sight: Sight;
  readonly #socket: PeerSocket;
  readonly #parts: SharedParts;
  readonly #sendQueue: SendQueue;
  readonly #reader: ClippedFrameReader;
  readonly #heartbeat: Heartbeat;
  readonly #losses: Losses;
  /** Made when a mailbox first asks. */
  #recipient: SubscriberRecipient | undefined;
  /** Subscriptions that can be an agent's name. */
  #names = 0;
  readonly #budget: ConnectionBudget;
  #phase: "greeting" | "open" | "gone" = "greeting";
  /** What the policy sent before our READY: it is written after READY. */
  #early: { readonly bytes: Buffer; readonly done: (error?: Error | null) => void }[] = [];
  /** Monotonic: when a tick last found bytes that wait for this peer. */
  #busyAt = 0;

  constructor(socket: PeerSocket, introduction: Introduction, parts: SharedParts) {
    super(socket, introduction);
    const { clock, flusher, ledger, limits, total } = parts;
    this.#socket = socket;
    this.#parts = parts;
    const { principal } = introduction;
    this.sight = principal === undefined ? "direct" : (sightOf(principal.scopes) ?? "public");
    this.#reader = new ClippedFrameReader(limits.zmqTopicMaxBytes + commandRoomBytes, limits.zmqFrameMaxBytes);
    this.#heartbeat = new Heartbeat(limits, introduction.knowsPings, clock.monotonic());
    this.#losses = new Losses(parts, "out", this);
    this.#budget = parts.subscriptions.open(this);
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

  get recipient(): Recipient {
    return (this.#recipient ??= new SubscriberRecipient({
      principal: this.principal,
      sendQueue: this.#sendQueue,
      heartbeat: this.#heartbeat,
      limits: this.#parts.limits,
      clock: this.#parts.clock,
    }));
  }

  /** libzmq gives the application what begins with one of its subscriptions, and drops all else. */
  hears(topic: string): boolean {
    for (let end = 0; end <= topic.length; end += 1) if (this.subscriptions.has(topic.slice(0, end))) return true;
    return false;
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
    if (!this.#sendQueue.append(wire, 0, wire.length, 1, observed, true) && !observed) this.#lost(message, wire.length);
    return true;
  }

  deliverAs(topic: string, message: Message): boolean {
    const wire = encodeMessage(topic, message.stampedPayload);
    if (!this.#sendQueue.append(wire, 0, wire.length, 1, false, true)) this.#lost(message, wire.length);
    return true;
  }

  forward(chunk: Buffer, start: number, end: number, count: number, observed: boolean, lasting: boolean): void {
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

  data(chunk: Buffer): number {
    this.heard(this.#parts.clock.monotonic());
    this.#reader.feed(chunk);
    while (this.#phase === "open") {
      const frame = this.#reader.next();
      if (frame === undefined) break;
      if ((frame.flags & commandFlag) === 0) this.#message(frame);
      else this.#command(frame);
    }
    return chunk.length;
  }

  heard(now: number): void {
    this.#heartbeat.heard(now);
  }

  tick(now: number): void {
    const { buffered, progressAt } = this.#sendQueue;
    if (buffered > 0 && now - progressAt >= this.#parts.limits.stuckMs) {
      this.#socket.cut("zmtp-stuck");
      return;
    }
    if (buffered > 0) this.#busyAt = now;
    this.#recipient?.tick(now);
    const pulse = this.#heartbeat.pulse(now, this.#busyAt, this.#recipient?.isProving === true);
    if (pulse === "ping") {
      if (this.#answer(encodePing(this.#recipient?.openMark))) this.#heartbeat.pinged();
    } else if (pulse !== "fine") this.#socket.cut(`zmtp-${pulse}`);
  }

  abandon(): void {
    this.#phase = "gone";
    this.#early = [];
    this.#budget.close();
    this.#sendQueue.close("closed");
  }

  gone(): void {
    this.abandon();
    this.#parts.policy.subscriberGone(this);
  }

  /** The copy was dropped and counted: its sender hears why. */
  #lost(message: Message, bytes: number): void {
    const { zmqBacklogMaxBytes } = this.#parts.limits;
    if (bytes > zmqBacklogMaxBytes)
      message.lose(
        "too-large",
        `it has ${bytes} bytes, and ${zmqBacklogMaxBytes} are the most that wait for one agent`,
      );
    else if (this.#sendQueue.closed) message.lose("unavailable", "the connection of the agent has just ended");
    else message.lose("full", "the agent does not read what is sent to it; send again when it does");
  }

  #command({ body, size }: ClippedFrame): void {
    const { name, data } = readCommand(body);
    const dataSize = size - body.length + data.length;
    if (name === "SUBSCRIBE") this.#subscribe(data, dataSize);
    else if (name === "CANCEL") this.#cancel(data, dataSize);
    else if (name === "READY") throw new IllegalBytes("zmtp-ready-twice");
    else if (name === "PING") this.#answer(encodePong(this.#heartbeat.ping(data)));
    else if (name === "PONG") this.#pong(data);
  }

  #pong(context: Buffer): void {
    this.#heartbeat.pong(context.length > 0);
    this.#recipient?.pong(context);
  }

  /** ZMTP 3.0: a subscription is a message that begins with 1, its end one that begins with 0. */
  #message({ body, size }: ClippedFrame): void {
    if (body[0] === 1) this.#subscribe(body.subarray(1), size - 1);
    else if (body[0] === 0) this.#cancel(body.subarray(1), size - 1);
    else this.#lose("zmtp-upstream-ignored");
  }

  /** `bytes`: the topic, or the beginning of one of `size` bytes that is too long. */
  #subscribe(bytes: Buffer, size: number): void {
    const { limits, policy } = this.#parts;
    if (size > limits.zmqTopicMaxBytes) {
      this.#lose("zmtp-subscription-too-long", bytes.toString("utf8", 0, shownMaxBytes));
      return;
    }
    const topic = topicOf(bytes, 0, size);
    if (this.subscriptions.has(topic)) return;
    const isName = isAgentName(topic);
    // libzmq sends subscriptions in the order of their bytes, so an agent's own name may be the last of many: names
    // have room of their own.
    const hasRoom = isName && this.#names < limits.zmqNamesMax;
    if (this.subscriptions.size >= limits.zmqSubscriptionsMax && !hasRoom) {
      this.#lose("zmtp-subscriptions-full", topic);
      return;
    }
    if (!this.#budget.take(topic, isName && this.#names === 0)) {
      this.#lose("zmtp-subscriptions-large", topic);
      return;
    }
    if (isName) this.#names += 1;
    this.subscriptions.add(topic);
    policy.subscribed(this, topic);
  }

  #cancel(bytes: Buffer, size: number): void {
    if (size > this.#parts.limits.zmqTopicMaxBytes) return; // nobody could subscribe to it
    const topic = topicOf(bytes, 0, size);
    if (!this.subscriptions.delete(topic)) return;
    if (isAgentName(topic)) this.#names -= 1;
    this.#budget.release(topic);
    this.#parts.policy.unsubscribed(this, topic);
  }

  #lose(reason: LossReason, subscription?: string): void {
    this.#parts.ledger.count(reason);
    this.#losses.tell(reason, subscription);
  }

  /**
   * Answers wait in the queue like messages; a peer that does not read them gets no more.
   * @returns false if it was dropped and counted
   */
  #answer(bytes: Buffer): boolean {
    const hasRoom = this.#sendQueue.buffered < this.#parts.limits.zmqBacklogMaxBytes;
    if (hasRoom) this.#sendQueue.control(bytes);
    else this.#parts.ledger.count("zmtp-answer-dropped");
    return hasRoom;
  }
}

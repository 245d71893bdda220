import type { Backlog, BacklogTotal, Clock } from "../../core/index.js";
import { encodePing, encodePong, readCommand } from "./commands.js";
import { Forwarder, type ForwardContext, type ForwardSource } from "./forward.js";
import { Heartbeat } from "./peer.js";
import { IllegalBytes } from "./codec.js";
import type { Line, Side } from "./peer.js";
import type { PublisherPeer } from "./policy.js";

/** “Subscribe to everything”, in message form: the command form gets nothing from libzmq ≤ 4.2 and JeroMQ. */
const subscribeToAll = Buffer.from([0x00, 0x01, 0x01]);
/** Answers that a publisher leaves unread, at most. */
const unreadMaxBytes = 64 * 1024;
/** Below this an unfinished message is not worth counting among all backlogs. */
const heldMinBytes = 64 * 1024;

export interface PublisherContext extends ForwardContext {
  readonly clock: Clock;
  readonly total: BacklogTotal;
}

/** A connection on the XSUB door: reads an agent's PUB, never pauses it, and sends it nothing but pings. */
export class PublisherSide implements Side, ForwardSource, Backlog {
  readonly peer: PublisherPeer;
  readonly subscriptionCount = 0;
  /** Bytes of an unfinished large message, as told to the total. */
  buffered = 0;
  isOpen = true;
  readonly #line: Line;
  readonly #context: PublisherContext;
  readonly #forwarder: Forwarder;
  readonly #heartbeat: Heartbeat;

  constructor(line: Line, peer: PublisherPeer, context: PublisherContext) {
    this.#line = line;
    this.#context = context;
    this.peer = peer;
    this.#forwarder = new Forwarder(context, this);
    this.#heartbeat = new Heartbeat(context.limits, context.clock.monotonic());
  }

  opened(): void {
    this.#line.write(subscribeToAll);
  }

  data(chunk: Buffer): void {
    this.#heartbeat.heard(this.#context.clock.monotonic());
    this.#forwarder.push(chunk);
    const { held } = this.#forwarder;
    if (held >= heldMinBytes || this.buffered > 0) this.#tellTotal(held >= heldMinBytes ? held : 0);
  }

  command(body: Buffer): void {
    const { name, data } = readCommand(body);
    if (name === "READY") throw new IllegalBytes("zmtp-ready-twice");
    if (name === "PING") this.#answer(encodePong(this.#heartbeat.ping(data)));
    else if (name === "PONG") this.#heartbeat.pong();
  }

  tick(now: number): void {
    const pulse = this.#heartbeat.pulse(now, 0);
    if (pulse === "ping") this.#answer(encodePing());
    else if (pulse !== "fine") this.#line.cut(`zmtp-${pulse}`);
  }

  abandon(): void {
    this.isOpen = false;
    if (this.buffered > 0) this.#tellTotal(0);
    this.#context.total.leave(this);
  }

  gone(): void {
    this.abandon();
    this.#context.policy.publisherGone(this.peer);
  }

  evict(): void {
    this.#line.cut("zmtp-evicted");
  }

  #answer(bytes: Buffer): void {
    if (this.#line.unsent > unreadMaxBytes) this.#line.cut("zmtp-answers-unread");
    else this.#line.write(bytes);
  }

  #tellTotal(held: number): void {
    const grown = held - this.buffered;
    if (!this.isOpen && grown > 0) return;
    this.buffered = held;
    if (grown > 0) this.#context.total.take(this, grown);
    else if (grown < 0) this.#context.total.release(-grown);
  }
}

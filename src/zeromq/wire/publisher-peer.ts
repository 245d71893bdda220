import type { Backlog } from "../../core/index.js";
import { IllegalBytes } from "./codec.js";
import { encodePing, encodePong, readCommand } from "./commands.js";
import { Forwarder, type ForwardSource } from "./forward.js";
import type { Introduction } from "./handshake.js";
import { Heartbeat, PeerFacts, type ConnectedPeer, type PeerSocket, type SharedParts } from "./peer.js";
import type { PublisherPeer } from "./policy.js";

/** “Subscribe to everything”, in message form: libzmq up to 4.2 and JeroMQ ignore the command form (ZeroMQ §4.2). */
const subscribeToAll = Buffer.from([0x00, 0x01, 0x01]);
/** A publisher that leaves more of our answers unread than this is closed. */
const unreadMaxBytes = 64 * 1024;
/** Below this size an unfinished message is not worth counting among all backlogs. */
const unfinishedMinBytes = 64 * 1024;

/** A connection on the XSUB door: reads an agent's PUB, never pauses it, and sends it nothing but pings. */
export class ConnectedPublisher implements ConnectedPeer, ForwardSource, Backlog {
  readonly peer: PublisherPeer;
  readonly subscriptionCount = 0;
  /** Bytes of an unfinished large message, as told to the total. */
  buffered = 0;
  /** It hears nothing that could be dropped. */
  readonly dropped = 0;
  isOpen = true;
  readonly #socket: PeerSocket;
  readonly #parts: SharedParts;
  readonly #forwarder: Forwarder;
  readonly #heartbeat: Heartbeat;

  constructor(socket: PeerSocket, introduction: Introduction, parts: SharedParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.peer = new PeerFacts(socket, introduction);
    this.#forwarder = new Forwarder(parts, this);
    this.#heartbeat = new Heartbeat(parts.limits, introduction.knowsPings, parts.clock.monotonic());
  }

  opened(): void {
    this.#socket.write(subscribeToAll);
  }

  data(chunk: Buffer): number {
    this.heard(this.#parts.clock.monotonic());
    const taken = this.#forwarder.push(chunk);
    const { unfinishedBytes } = this.#forwarder;
    const isLarge = unfinishedBytes >= unfinishedMinBytes;
    if (isLarge || this.buffered > 0) this.#tellTotal(isLarge ? unfinishedBytes : 0);
    return taken;
  }

  command(body: Buffer): void {
    const { name, data } = readCommand(body);
    if (name === "READY") throw new IllegalBytes("zmtp-ready-twice");
    if (name === "PING") this.#answer(encodePong(this.#heartbeat.ping(data)));
    else if (name === "PONG") this.#heartbeat.pong(data.length > 0);
  }

  heard(now: number): void {
    this.#heartbeat.heard(now);
  }

  tick(now: number): void {
    const pulse = this.#heartbeat.pulse(now, 0, false);
    if (pulse === "ping") this.#answer(encodePing());
    else if (pulse !== "fine") this.#socket.cut(`zmtp-${pulse}`);
  }

  abandon(): void {
    this.isOpen = false;
    if (this.buffered > 0) this.#tellTotal(0);
    this.#parts.total.leave(this);
  }

  gone(): void {
    this.abandon();
    this.#parts.policy.publisherGone(this.peer);
  }

  evict(): void {
    this.#socket.cut("zmtp-evicted");
  }

  #answer(bytes: Buffer): void {
    if (this.#socket.unsent > unreadMaxBytes) this.#socket.cut("zmtp-answers-unread");
    else this.#socket.write(bytes);
  }

  #tellTotal(unfinishedBytes: number): void {
    const grown = unfinishedBytes - this.buffered;
    if (!this.isOpen && grown > 0) return;
    this.buffered = unfinishedBytes;
    if (grown > 0) this.#parts.total.take(this, grown);
    else if (grown < 0) this.#parts.total.release(-grown);
  }
}

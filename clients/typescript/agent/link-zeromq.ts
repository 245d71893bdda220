import { Subscriber, XPublisher } from "zeromq";
import { Fault, LoopClock } from "../../../src/core/index.js";
import type { Link, MessageListener } from "./link.js";
import { shown } from "../shared/shown.js";

/** Where a {@link ZmqLink} connects, as whom, and whom it tells. */
export interface ZmqLinkOptions {
  readonly name: string;
  /** Which of the programs under the name it is: told to the broker as `X-Instance`. */
  readonly instance: string;
  /** The broker's endpoint for PUB sockets. */
  readonly in: string;
  /** The broker's endpoint for SUB sockets. */
  readonly out: string;
  /** Who named the two, for people. */
  readonly origin: string;
  /** The agent's ZeroMQ token: PLAIN; without it the name is declared by `X-Agent`. */
  readonly token?: string;
  /** How long a publication waits for the broker or for room in the queue, milliseconds. */
  readonly publishTimeoutMs: number;
  /** How often libzmq asks for a sign of life, and how long it waits for one, milliseconds. */
  readonly silentMs: number;
  readonly heard: MessageListener;
  /** Called when the broker is reached, also when it is reached again after a loss. */
  readonly connected: () => void;
}

/** `ZMQ_METADATA`: application properties of READY. */
const zmqMetadata = 95;
const subscribed = 1;
const silentMaxMs = 3_600_000;

/**
 * Sockets that declare the agent's name, for agents without a token: the broker refuses a name that belongs to another
 * agent before anything is said under it.
 */
class DeclaredSubscriber extends Subscriber {
  declare(name: string): void {
    this.setStringOption(zmqMetadata, `X-Agent:${name}`);
  }

  tellInstance(instance: string): void {
    this.setStringOption(zmqMetadata, `X-Instance:${instance}`);
  }
}

class DeclaredPublisher extends XPublisher {
  declare(name: string): void {
    this.setStringOption(zmqMetadata, `X-Agent:${name}`);
  }
}

/**
 * Two libzmq sockets. It publishes through XPUB with `noDrop`: when the queue is full it waits and drops nothing. The
 * broker's subscription to everything tells when the broker is there; a plain PUB would drop messages before that
 * without a word.
 */
export class ZmqLink implements Link {
  readonly #options: ZmqLinkOptions;
  readonly #sub: DeclaredSubscriber;
  readonly #pub: DeclaredPublisher;
  // bound: what the application subscribes to · evicts: unsubscribe · owner: ZmqLink
  readonly #topics = new Set<string>();
  /** Measures how long a publication waits; leaves out while this process stood still. */
  readonly #clock = new LoopClock();
  #isConnected = false;
  #waiting: (() => void)[] = [];
  #last: Promise<void> = Promise.resolve();
  #phase: "open" | "closed" = "open";

  /** @throws Fault malformed: a time of silence that is none */
  constructor(options: ZmqLinkOptions) {
    this.#options = options;
    const { silentMs } = options;
    if (!Number.isInteger(silentMs) || silentMs < 0 || silentMs > silentMaxMs)
      throw new Fault("malformed", `silentMs is ${silentMs}; give whole milliseconds, 0 (never) to ${silentMaxMs}`);
    // Both sockets are always read, so that an answer to libzmq's PING (RFC 37) is never left behind a full queue.
    const shared = {
      linger: 1_000,
      heartbeatInterval: silentMs,
      heartbeatTimeout: silentMs,
      ...(options.token !== undefined && { plainUsername: options.name, plainPassword: options.token }),
    };
    this.#sub = new DeclaredSubscriber({ ...shared, linger: 0, receiveHighWaterMark: 0 });
    this.#sub.tellInstance(options.instance);
    // Tells of every subscription, also of the same one after a reconnect.
    this.#pub = new DeclaredPublisher({ ...shared, noDrop: true, sendTimeout: 0, verbosity: "allSubs" });
    if (options.token === undefined) for (const socket of [this.#sub, this.#pub]) socket.declare(options.name);
  }

  /** Connects both sockets and starts to listen. @throws Fault malformed for what is no address of ZeroMQ */
  open(): void {
    connect(this.#sub, "out", this.#options.out);
    connect(this.#pub, "in", this.#options.in);
    void this.#listen();
    void this.#watch();
  }

  /** True once the broker has been reached. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  subscribe(topic: string): boolean {
    if (this.#topics.has(topic)) return false; // libzmq counts subscriptions to one topic, agents do not
    this.#topics.add(topic);
    this.#sub.subscribe(topic);
    return true;
  }

  unsubscribe(topic: string): void {
    if (this.#topics.delete(topic)) this.#sub.unsubscribe(topic);
  }

  publish(topic: string, payload: string, isWanted: () => boolean = () => true): Promise<void> {
    // The time to wait begins now, not when the messages before are sent.
    const end = this.#clock.monotonic() + this.#options.publishTimeoutMs;
    // libzmq takes one send at a time: each waits for the one before, sent or failed.
    const sent = this.#last.then(() => this.#send([topic, payload], end, isWanted));
    this.#last = sent.catch(() => undefined);
    return sent;
  }

  async close(withinMs: number): Promise<void> {
    if (this.#phase === "closed") return;
    await Promise.race([this.#last, new Promise((resolve) => setTimeout(resolve, withinMs).unref())]);
    this.#phase = "closed";
    this.#wake();
    this.#pub.linger = withinMs;
    this.#sub.close();
    this.#pub.close();
  }

  /**
   * Offers a message until libzmq takes it. libzmq does not tell when a full XPUB has room again, so it is asked every
   * millisecond.
   */
  async #send(frames: [string, string], end: number, isWanted: () => boolean): Promise<void> {
    for (;;) {
      if (this.#phase === "closed") throw new Fault("going-away", "this agent is closed");
      if (!isWanted()) throw new Fault("timeout", "the request was given up before it could be sent");
      if (this.#isConnected) {
        try {
          await this.#pub.send(frames);
          return;
        } catch (thrown) {
          if (!isFull(thrown)) throw new Fault("unavailable", "the message could not be sent", { cause: thrown });
        }
      }
      if (this.#clock.monotonic() >= end) throw this.#tooLate();
      await (this.#isConnected ? new Promise<void>((resolve) => this.#clock.after(1, resolve)) : this.#change(end));
    }
  }

  #tooLate(): Fault {
    const { in: url, out, origin } = this.#options;
    if (!this.#isConnected)
      return new Fault(
        "unavailable",
        `no broker answers at ${url} and ${out} (${origin}); start one (broker start), or say where it is: ` +
          "dataDir or SYNAPTIC_DATA_DIR is its folder, in and out are its addresses",
      );
    return new Fault(
      "slow-consumer",
      "the broker does not take messages fast enough; send fewer, or wait longer (publishTimeoutMs)",
    );
  }

  /** Waits until the broker is reached or the link is closed; until `end` at most. */
  async #change(end: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(Math.max(1, end - this.#clock.monotonic()), resolve);
      this.#waiting.push(() => {
        cancel();
        resolve();
      });
    });
  }

  #wake(): void {
    for (const go of this.#waiting.splice(0)) go();
  }

  async #listen(): Promise<void> {
    for await (const [topic, payload] of this.#sub) {
      if (topic !== undefined && payload !== undefined) this.#options.heard(topic.toString(), payload);
    }
  }

  /**
   * XPUB tells when the broker subscribes to everything, also after each reconnect. It does not tell that the
   * connection is lost: libzmq keeps what is sent meanwhile until the broker is back. An agent that leaves before that
   * learns it from the round trip of `Agent.close`. (The sockets' monitors would tell, but after one is closed in
   * zeromq 6.8 other sockets of the process receive nothing.)
   */
  async #watch(): Promise<void> {
    for await (const [subscription] of this.#pub) {
      if (subscription?.length !== 1 || subscription[0] !== subscribed) continue;
      this.#isConnected = true;
      this.#wake();
      this.#options.connected();
    }
  }
}

function connect(socket: Subscriber | XPublisher, option: "in" | "out", address: string): void {
  try {
    if (!/^(?:tcp|ipc):\/\/./.test(address)) throw new Error("the broker has no door of this kind");
    socket.connect(address);
  } catch (thrown) {
    throw new Fault(
      "malformed",
      `${option} is ${shown(address)}; write it as tcp://HOST:PORT or ipc:///PATH, as broker status shows it`,
      { cause: thrown },
    );
  }
}

/** libzmq's queue is full (EAGAIN). */
function isFull(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "EAGAIN";
}

import { Subscriber, XPublisher } from "zeromq";
import { Fault } from "../core/index.js";
import type { Heard, Link } from "./link.js";

export interface ZmqLinkOptions {
  readonly name: string;
  /** The broker's door for PUB sockets. */
  readonly in: string;
  /** The broker's door for SUB sockets. */
  readonly out: string;
  /** The agent's ZeroMQ token: PLAIN; without it the name is declared by `X-Agent`. */
  readonly token?: string;
  /** How long a publication waits for the broker or for room in the queue, milliseconds. */
  readonly publishTimeoutMs: number;
  readonly heard: Heard;
  /** The broker is there (again), or gone. */
  readonly connected: (isConnected: boolean) => void;
}

/** `ZMQ_METADATA`: application properties of READY. */
const zmqMetadata = 95;
const subscribed = 1;

/** A SUB that says who it is, for agents without a token. */
class DeclaredSubscriber extends Subscriber {
  declare(name: string): void {
    this.setStringOption(zmqMetadata, `X-Agent:${name}`);
  }
}

/**
 * Two libzmq sockets. It publishes through XPUB with `noDrop`: a full queue is waited for instead of dropping, and the subscribe-all byte of the broker
 * tells when there is somebody to send to; a plain PUB would drop in silence before that.
 */
export class ZmqLink implements Link {
  readonly #options: ZmqLinkOptions;
  readonly #sub: DeclaredSubscriber;
  readonly #pub: XPublisher;
  #isConnected = false;
  #waiting: (() => void)[] = [];
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: ZmqLinkOptions) {
    this.#options = options;
    const shared = { linger: 1_000, ...(options.token !== undefined && { plainUsername: options.name, plainPassword: options.token }) };
    this.#sub = new DeclaredSubscriber({ ...shared, linger: 0, receiveHighWaterMark: 0 });
    this.#pub = new XPublisher({ ...shared, noDrop: true, sendTimeout: 0 });
    if (options.token === undefined) this.#sub.declare(options.name);
  }

  /** Connects both sockets and starts to listen. */
  open(): void {
    this.#sub.connect(this.#options.out);
    this.#pub.connect(this.#options.in);
    void this.#listen();
    void this.#watch();
  }

  subscribe(topic: string): void {
    this.#sub.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.#sub.unsubscribe(topic);
  }

  publish(topic: string, payload: string): Promise<void> {
    // libzmq takes one send at a time: each waits for the one before, whatever became of it.
    const sent = this.#last.then(() => this.#send(topic, payload));
    this.#last = sent.catch(() => undefined);
    return sent;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    await this.#last;
    this.#closed = true;
    for (const go of this.#waiting.splice(0)) go();
    this.#sub.close();
    this.#pub.close();
  }

  async #send(topic: string, payload: string): Promise<void> {
    if (!this.#isConnected) await this.#connection();
    if (this.#closed) throw new Fault("going-away", "this agent is closed");
    await this.#offer([topic, payload]);
  }

  /** Offers a message until libzmq takes it. It does not tell when a full XPUB has room again, so it is asked every millisecond. */
  async #offer(frames: [string, string]): Promise<void> {
    const end = performance.now() + this.#options.publishTimeoutMs;
    for (;;) {
      try {
        await this.#pub.send(frames);
        return;
      } catch (thrown) {
        if (this.#closed || !isFull(thrown) || performance.now() > end) {
          throw new Fault("slow-consumer", "the broker does not take messages fast enough; send less, or wait longer (publishTimeoutMs)", { cause: thrown });
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Waits until the broker wants to hear us. */
  async #connection(): Promise<void> {
    const { publishTimeoutMs, in: door } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const came = await Promise.race([
      new Promise<boolean>((resolve) => {
        this.#waiting.push(() => {
          resolve(true);
        });
      }),
      new Promise<boolean>((resolve) => {
        timer = setTimeout(resolve, publishTimeoutMs, false);
      }),
    ]);
    clearTimeout(timer);
    if (!came) throw new Fault("unavailable", `no broker answers at ${door}; start one with: broker start`);
  }

  async #listen(): Promise<void> {
    for await (const [topic, payload] of this.#sub) {
      if (topic !== undefined && payload !== undefined) this.#options.heard(topic.toString(), payload);
    }
  }

  /** XPUB tells when the broker subscribes to everything, and takes it back when the connection is lost. */
  async #watch(): Promise<void> {
    for await (const [subscription] of this.#pub) {
      if (subscription?.length !== 1) continue;
      this.#isConnected = subscription[0] === subscribed;
      if (this.#isConnected) for (const go of this.#waiting.splice(0)) go();
      this.#options.connected(this.#isConnected);
    }
  }
}

/** libzmq's queue is full (EAGAIN). */
function isFull(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "EAGAIN";
}

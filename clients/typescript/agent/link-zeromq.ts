import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { Subscriber, XPublisher } from "zeromq";
import { Fault } from "../../../src/core/index.js";
import type { Link, MessageListener } from "./link.js";
import type { ConnectOptions } from "./options.js";

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
  readonly heard: MessageListener;
  /** The broker is there; again after it was away. */
  readonly connected: () => void;
}

/** `ZMQ_METADATA`: application properties of READY. */
const zmqMetadata = 95;
const subscribed = 1;

/**
 * Sockets that say who they are, for agents without a token: a name that is another's is refused before anything is
 * said in it.
 */
class DeclaredSubscriber extends Subscriber {
  declare(name: string): void {
    this.setStringOption(zmqMetadata, `X-Agent:${name}`);
  }
}

class DeclaredPublisher extends XPublisher {
  declare(name: string): void {
    this.setStringOption(zmqMetadata, `X-Agent:${name}`);
  }
}

/**
 * Two libzmq sockets. It publishes through XPUB with `noDrop`: a full queue is waited for instead of dropping, and the
 * subscribe-all byte of the broker
 * tells when there is somebody to send to; a plain PUB would drop in silence before that.
 */
export class ZmqLink implements Link {
  readonly #options: ZmqLinkOptions;
  readonly #sub: DeclaredSubscriber;
  readonly #pub: DeclaredPublisher;
  // bound: what the application subscribes to · evicts: unsubscribe · owner: ZmqLink
  readonly #topics = new Set<string>();
  #isConnected = false;
  #waiting: (() => void)[] = [];
  #last: Promise<void> = Promise.resolve();
  #phase: "open" | "closed" = "open";

  constructor(options: ZmqLinkOptions) {
    this.#options = options;
    const shared = {
      linger: 1_000,
      ...(options.token !== undefined && { plainUsername: options.name, plainPassword: options.token }),
    };
    this.#sub = new DeclaredSubscriber({ ...shared, linger: 0, receiveHighWaterMark: 0 });
    // Every subscription is told, the same one after a reconnect, too.
    this.#pub = new DeclaredPublisher({ ...shared, noDrop: true, sendTimeout: 0, verbosity: "allSubs" });
    if (options.token === undefined) for (const socket of [this.#sub, this.#pub]) socket.declare(options.name);
  }

  /** Connects both sockets and starts to listen. */
  open(): void {
    this.#sub.connect(this.#options.out);
    this.#pub.connect(this.#options.in);
    void this.#listen();
    void this.#watch();
  }

  /** True once the broker has been reached. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  subscribe(topic: string): boolean {
    if (this.#topics.has(topic)) return false; // libzmq counts, agents do not
    this.#topics.add(topic);
    this.#sub.subscribe(topic);
    return true;
  }

  unsubscribe(topic: string): void {
    if (this.#topics.delete(topic)) this.#sub.unsubscribe(topic);
  }

  publish(topic: string, payload: string, isWanted: () => boolean = () => true): Promise<void> {
    // The time to wait begins now, not when it is this one's turn.
    const end = performance.now() + this.#options.publishTimeoutMs;
    // libzmq takes one send at a time: each waits for the one before, whatever became of it.
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
   * Offers a message until libzmq takes it. It does not tell when a full XPUB has room again, so it is asked every
   * millisecond.
   */
  async #send(frames: [string, string], end: number, isWanted: () => boolean): Promise<void> {
    for (;;) {
      if (this.#phase === "closed") throw new Fault("going-away", "this agent is closed");
      if (!isWanted()) throw new Fault("timeout", "it was given up before it could be sent");
      if (this.#isConnected) {
        try {
          await this.#pub.send(frames);
          return;
        } catch (thrown) {
          if (!isFull(thrown)) throw new Fault("unavailable", "the message could not be sent", { cause: thrown });
        }
      }
      if (performance.now() >= end) throw this.#tooLate();
      await (this.#isConnected ? new Promise((resolve) => setTimeout(resolve, 1)) : this.#change(end));
    }
  }

  #tooLate(): Fault {
    if (!this.#isConnected)
      return new Fault("unavailable", `no broker answers at ${this.#options.in}; start one with: broker start`);
    return new Fault(
      "slow-consumer",
      "the broker does not take messages fast enough; send less, or wait longer (publishTimeoutMs)",
    );
  }

  /** Waits until the broker wants to hear us, or something else has changed; until `end` at most. */
  async #change(end: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      timer = setTimeout(resolve, Math.max(1, end - performance.now()));
    });
    clearTimeout(timer);
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
   * XPUB tells when the broker subscribes to everything, after each reconnect, too. It does not tell that the
   * connection is lost: libzmq keeps what is
   * sent meanwhile until the broker is back, and whoever leaves before that is told so by the round trip of
   * `Agent.close`. (The sockets' monitors would
   * tell, but closing one in zeromq 6.8 makes other sockets of the process deaf.)
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

/** libzmq's queue is full (EAGAIN). */
function isFull(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "EAGAIN";
}

/** The two doors of a broker. */
export interface Endpoints {
  readonly in: string;
  readonly out: string;
}

/** The doors to use: as told, else those of the broker that runs on this machine, else the standard ports. */
export function findEndpoints(options: Pick<ConnectOptions, "in" | "out" | "dataDir">): Endpoints {
  if (options.in !== undefined && options.out !== undefined) return { in: options.in, out: options.out };
  const known = readEndpoints(options.dataDir ?? defaultDataDir());
  return {
    in: options.in ?? known?.in ?? "tcp://127.0.0.1:5555",
    out: options.out ?? known?.out ?? "tcp://127.0.0.1:5556",
  };
}

function readEndpoints(dataDir: string): Endpoints | undefined {
  let text: string;
  try {
    text = readFileSync(join(dataDir, "endpoints.json"), "utf8");
  } catch {
    return undefined; // no broker has written its doors here: the standard ports are tried
  }
  const endpoints = JSON.parse(text) as { readonly zmqIn?: readonly string[]; readonly zmqOut?: readonly string[] };
  const [zmqIn] = endpoints.zmqIn ?? [];
  const [zmqOut] = endpoints.zmqOut ?? [];
  return zmqIn === undefined || zmqOut === undefined ? undefined : { in: zmqIn, out: zmqOut };
}

/** The broker's default data directory (protocols §0.1). */
function defaultDataDir(): string {
  const told = process.env["SYNAPTIC_DATA_DIR"];
  if (told !== undefined && told !== "") return resolve(told);
  const xdg = process.env["XDG_DATA_HOME"];
  return join(xdg !== undefined && xdg !== "" ? xdg : join(homedir(), ".local/share"), "synaptic-core");
}

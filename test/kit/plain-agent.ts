import { randomUUID } from "node:crypto";
import { Publisher, Subscriber } from "zeromq";
import { patienceMs } from "./patience.js";

/** What a plain agent sends and hears (ZeroMQ §1.2), as it stands on the wire. */
export interface WireMessage {
  message_id: string;
  timestamp: string;
  from: string;
  to: string;
  type: string;
  priority: string;
  content: Record<string, unknown> & { message: string };
  in_reply_to?: string;
  [other: string]: unknown;
}

export interface Heard {
  readonly topic: string;
  readonly message: WireMessage;
}

/** A SUB that declares its agent's name in READY. */
class DeclaringSubscriber extends Subscriber {
  declare(name: string): void {
    this.setStringOption(95, `X-Agent:${name}`);
  }
}

/** A plain agent (ZeroMQ §1): a PUB and a SUB of libzmq, and nothing of ours. */
export class PlainAgent {
  readonly name: string;
  readonly sub: DeclaringSubscriber;
  readonly pub: Publisher;
  readonly heard: Heard[] = [];
  /** The ping by which it meets the broker. */
  #ping: { readonly id: string; state: "asked" | "answered" } | undefined;
  #waiting: { wanted: (heard: Heard) => boolean; found: (heard: Heard) => void }[] = [];

  constructor(
    name: string,
    doors: { zmqIn: string; zmqOut: string },
    options: { topics?: string[]; token?: string; declare?: boolean } = {},
  ) {
    this.name = name;
    this.sub = new DeclaringSubscriber({ linger: 0 });
    if (options.declare === true) this.sub.declare(name);
    this.pub = new Publisher({ linger: 0, sendHighWaterMark: 0 });
    for (const socket of [this.sub, this.pub]) {
      if (options.token !== undefined) {
        socket.plainUsername = name;
        socket.plainPassword = options.token;
      }
    }
    this.sub.connect(doors.zmqOut);
    const topics = options.topics ?? [name];
    if (topics.length > 0) this.sub.subscribe(...topics);
    this.pub.connect(doors.zmqIn);
    void this.#read();
  }

  /** Publishes one message and returns it. */
  async send(to: string, type: string, message: string, more: Partial<WireMessage> = {}): Promise<WireMessage> {
    const wire: WireMessage = {
      message_id: randomUUID(),
      timestamp: new Date().toISOString(),
      from: this.name,
      to,
      type,
      priority: "NORMAL",
      content: { message },
      ...more,
    };
    await this.pub.send([to, JSON.stringify(wire)]);
    return wire;
  }

  /** The first message that fits and has not been taken yet, now or within `withinMs`. */
  hears(wanted: (heard: Heard) => boolean = () => true, withinMs = patienceMs): Promise<Heard> {
    const at = this.heard.findIndex(wanted);
    const [known] = at === -1 ? [] : this.heard.splice(at, 1);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(
          new Error(
            `${this.name} did not hear it within ${withinMs} ms; heard: ${JSON.stringify(this.heard.slice(-5))}`,
          ),
        );
      }, withinMs);
      this.#waiting.push({
        wanted,
        found: (heard) => {
          clearTimeout(timer);
          resolve(heard);
        },
      });
    });
  }

  /** Asks `$broker` until the answer comes back on the agent's own topic: both sockets work. */
  async meet(): Promise<this> {
    const id = randomUUID();
    this.#ping = { id, state: "asked" };
    const answered = this.hears(({ message }) => message.in_reply_to === id);
    for (;;) {
      await this.send("$broker", "request", "ping", { message_id: id, content: { message: "ping", kind: "ping" } });
      const come = await Promise.race([
        answered,
        new Promise<undefined>((resolve) => setTimeout(resolve, 50, undefined)),
      ]);
      if (come !== undefined) return this;
    }
  }

  /** Asks `$broker` and resolves with its answer, or with the fault it tells. */
  async asks(kind: string, data?: Record<string, unknown>): Promise<WireMessage> {
    const asked = await this.send("$broker", "request", kind, {
      content: { message: kind, kind, ...(data !== undefined && { data }) },
    });
    return (await this.hears(({ message }) => message.in_reply_to === asked.message_id)).message;
  }

  /** Resolves when the broker has taken everything sent before. */
  async settled(): Promise<void> {
    const asked = await this.send("$broker", "request", "ping", { content: { message: "ping", kind: "ping" } });
    await this.hears(({ message }) => message.in_reply_to === asked.message_id);
  }

  close(): void {
    this.sub.close();
    this.pub.close();
  }

  async #read(): Promise<void> {
    for await (const [topic, payload] of this.sub) {
      const heard: Heard = { topic: String(topic), message: JSON.parse(String(payload)) as WireMessage };
      if (this.#ping !== undefined && heard.message.in_reply_to === this.#ping.id) {
        if (this.#ping.state === "answered") continue; // a ping that was repeated is answered as often
        this.#ping.state = "answered";
      }
      const at = this.#waiting.findIndex(({ wanted }) => wanted(heard));
      if (at === -1) this.heard.push(heard);
      else this.#waiting.splice(at, 1)[0]?.found(heard);
    }
  }
}

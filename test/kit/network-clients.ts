import { Packr, Unpackr } from "msgpackr";
import { io, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";
import { WebSocket } from "ws";
import type { BrokerOptions } from "../../src/index.js";
import { startBroker, type TestBroker } from "./broker.js";
import { patienceMs } from "./patience.js";
import { issueToken } from "./tokens.js";

/** A message of Agent Network as it stands on the wire. */
export type Told = Readonly<Record<string, unknown>>;

/** As a client in a browser would set its library: plain maps, no extensions of its own. */
export const msgpack = {
  packr: new Packr({ useRecords: false }),
  unpackr: new Unpackr({ useRecords: false, mapsAsObjects: true }),
} as const;

/** The content of what the broker says. */
export const contentOf = ({ content }: Told): Told => content as Told;

/** True for a message of the broker of this type. */
export const system =
  (messageType: string) =>
  (told: Told): boolean =>
    told["senderId"] === "system" && told["messageType"] === messageType;

/** A message from one agent to another. */
export function messageFrom(senderId: string, recipientId: string, more: Told = {}): Told {
  return {
    messageId: "m1",
    conversationId: "c1",
    senderId,
    recipientId,
    messageType: "QUERY",
    content: { requestId: "r1", queryType: "CUSTOM", parameters: { text: "hello" } },
    timestamp: 1_622_548_800_000,
    metadata: { priority: "NORMAL", encrypted: false, requiresResponse: true },
    ...more,
  };
}

/** What came and was not taken yet, and who waits for what comes. */
export class Heard<T> {
  readonly all: T[] = [];
  #left: T[] = [];
  #waiting: { readonly wanted: (one: T) => boolean; readonly found: (one: T) => void }[] = [];

  add(one: T): void {
    this.all.push(one);
    const at = this.#waiting.findIndex(({ wanted }) => wanted(one));
    if (at === -1) this.#left.push(one);
    else this.#waiting.splice(at, 1)[0]?.found(one);
  }

  next(wanted: (one: T) => boolean = () => true): Promise<T> {
    const at = this.#left.findIndex(wanted);
    const [one] = at === -1 ? [] : this.#left.splice(at, 1);
    if (one !== undefined) return Promise.resolve(one);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`it never came; what came: ${JSON.stringify(this.#left).slice(0, 2_000)}`));
      }, patienceMs);
      this.#waiting.push({
        wanted,
        found: (found) => {
          clearTimeout(timer);
          resolve(found);
        },
      });
    });
  }
}

/** A frame and what it says. */
export interface HeardFrame {
  readonly frame: string | Buffer;
  readonly told: Told;
}

/** A client on a bare WebSocket: JSON, or MessagePack by its subprotocol. */
export class BareClient {
  readonly frames = new Heard<HeardFrame>();
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly socket: WebSocket;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer, isBinary) => {
      const frame = isBinary ? data : data.toString();
      const told = (typeof frame === "string" ? JSON.parse(frame) : msgpack.unpackr.unpack(frame)) as Told;
      this.frames.add({ frame, told });
    });
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  says(frame: string | Buffer): void {
    this.socket.send(frame);
  }

  /** Packs a message, or several as a batch. */
  packs(told: Told | readonly Told[]): Buffer {
    const frame = msgpack.packr.pack(told);
    this.says(frame);
    return frame;
  }

  async hears(wanted?: (told: Told) => boolean): Promise<Told> {
    return (await this.frames.next(({ told }) => wanted?.(told) ?? true)).told;
  }
}

/** A client of the document's server example. */
export class SocketClient {
  readonly socket: Socket;
  readonly events = new Heard<{ readonly name: string; readonly value: unknown }>();

  constructor(socket: Socket) {
    this.socket = socket;
    for (const name of ["message", "ack", "error", "heartbeat", "connect", "connect_error", "disconnect"])
      socket.on(name, (value: unknown) => {
        this.events.add({ name, value });
      });
  }

  async hears(name: string): Promise<unknown> {
    return (await this.events.next((event) => event.name === name)).value;
  }
}

/** A broker with agents of Agent Network, in each of its encodings. */
export class NetworkWorld {
  readonly test: TestBroker;
  readonly #ends: (() => void)[] = [];

  private constructor(test: TestBroker) {
    this.test = test;
  }

  static async start(options: BrokerOptions = {}): Promise<NetworkWorld> {
    return new NetworkWorld(await startBroker(options));
  }

  /** Of the WebSocket listener: `ws://HOST:PORT`. */
  get url(): string {
    return this.test.pan.replace(/\/pan$/, "");
  }

  token(agent: string): Promise<string> {
    return issueToken(this.test.dataDir, agent, "ws");
  }

  async open(subprotocol?: string, path = "/agent-network/v1/connect"): Promise<BareClient> {
    const client = new BareClient(new WebSocket(`${this.url}${path}`, subprotocol));
    this.#ends.push(() => {
      client.socket.terminate();
    });
    await new Promise((resolve, reject) => {
      client.socket.once("open", resolve);
      client.socket.once("error", reject);
    });
    return client;
  }

  async json(agentId: string): Promise<BareClient> {
    const client = await this.open("agent-network.v1");
    client.says(JSON.stringify({ type: "AUTH", token: await this.token(agentId), agentId }));
    await client.hears(system("CONNECTED"));
    return client;
  }

  async msgpack(agentId: string): Promise<BareClient> {
    const client = await this.open("agent-network.v1.msgpack");
    client.packs({ type: "AUTH", token: await this.token(agentId), agentId });
    await client.hears(system("CONNECTED"));
    return client;
  }

  /** A client that has not been told whether it is connected. */
  io(auth: object, options: Partial<ManagerOptions & SocketOptions> = {}, namespace = ""): SocketClient {
    const socket = io(`${this.url.replace("ws:", "http:")}${namespace}`, {
      transports: ["websocket"],
      forceNew: true,
      reconnectionDelay: 10,
      auth,
      ...options,
    });
    this.#ends.push(() => {
      socket.disconnect();
    });
    return new SocketClient(socket);
  }

  async socketIo(agentId: string): Promise<SocketClient> {
    const client = this.io({ token: await this.token(agentId), agentId });
    await client.hears("connect");
    return client;
  }

  async stop(): Promise<void> {
    for (const end of this.#ends.splice(0)) end();
    await this.test.stop();
  }
}

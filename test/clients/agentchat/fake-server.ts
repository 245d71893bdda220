import { once, type EventEmitter } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import {
  AgentChatClient,
  type AgentChatClientEvents,
  type AgentChatError,
} from "../../../clients/typescript/agentchat/client.js";

/** A frame of a client, read. */
export type Frame = Readonly<Record<string, unknown>> & { readonly type: string };

/**
 * A fake: a WebSocket server that says what the test tells it to and nothing else. It knows no rule of AgentChat, so
 * that the client is held to the document and
 * not to our broker.
 */
export class FakeServer {
  readonly url: string;
  readonly port: number;
  readonly #server: WebSocketServer;
  // bound: one per connection of a test · evicts: with next() · owner: FakeServer
  readonly #peers = new Inbox<Peer>();

  private constructor(server: WebSocketServer) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    this.url = `ws://127.0.0.1:${this.port}`;
    server.on("connection", (socket) => {
      this.#peers.put(new Peer(socket));
    });
  }

  /** @param subprotocol false: the server ignores what the client offers */
  static async start({ subprotocol = true, autoPong = true, port = 0 } = {}): Promise<FakeServer> {
    const server = new WebSocketServer({
      host: "127.0.0.1",
      port,
      autoPong,
      ...(!subprotocol && { handleProtocols: () => false as const }),
    });
    await once(server, "listening");
    return new FakeServer(server);
  }

  /** The next connection. */
  next(): Promise<Peer> {
    return this.#peers.take();
  }

  /** The next connection, introduced and welcome. */
  async welcome(agentId = "@me"): Promise<Peer> {
    const peer = await this.next();
    await peer.hears("IDENTIFY");
    peer.says({ type: "WELCOME", agent_id: agentId, server: "fake" });
    return peer;
  }

  async stop(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}

/** The server's end of one connection. */
export class Peer {
  readonly socket: WebSocket;
  readonly #inbox = new Inbox<Frame>();

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer) => {
      this.#inbox.put(JSON.parse(data.toString()) as Frame);
    });
  }

  /** The next frame, which must be of this type. */
  async hears(type: string): Promise<Frame> {
    const frame = await this.#inbox.take();
    if (frame.type !== type) throw new Error(`expected ${type}, got ${JSON.stringify(frame)}`);
    return frame;
  }

  /** Several events in one frame, on lines of their own. */
  says(...events: readonly object[]): void {
    this.raw(events.map((event) => JSON.stringify(event)).join("\n"));
  }

  raw(text: string): void {
    this.socket.send(text);
  }
}

/** The next event of that name. Unlike `once` of node:events it does not listen to errors. */
export function told<K extends keyof AgentChatClientEvents>(
  client: AgentChatClient,
  name: K,
): Promise<AgentChatClientEvents[K][0]> {
  return new Promise((resolve) => {
    (client as EventEmitter).once(name, resolve);
  });
}

class Inbox<T> {
  readonly #items: T[] = [];
  readonly #takers: ((item: T) => void)[] = [];

  put(item: T): void {
    const taker = this.#takers.shift();
    if (taker === undefined) this.#items.push(item);
    else taker(item);
  }

  take(): Promise<T> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve(item);
    return new Promise((resolve) => {
      this.#takers.push(resolve);
    });
  }
}

/** A client that is connected to a fake server, and what it has told of as errors. */
export interface FakeLine {
  readonly client: AgentChatClient;
  readonly peer: Peer;
  readonly errors: readonly AgentChatError[];
  readonly end: () => Promise<void>;
}

/** Connects a client that does not come back by itself. */
export async function fakeLine(answerTimeoutMs = 2_000): Promise<FakeLine> {
  const fake = await FakeServer.start();
  const client = new AgentChatClient({ server: fake.url, name: "ada", reconnect: false, answerTimeoutMs });
  const errors: AgentChatError[] = [];
  client.on("error", (error) => errors.push(error));
  const [peer] = await Promise.all([fake.welcome(), client.connect()]);
  return {
    client,
    peer,
    errors,
    end: async () => {
      await client.disconnect();
      await fake.stop();
    },
  };
}

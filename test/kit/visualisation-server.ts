import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";

type Fields = Readonly<Record<string, unknown>>;

/** How it answers one type of messages; undefined: not at all. */
type Answer = (message: Fields, line: ServerLine) => void;

/** One connection as the server has it. */
export class ServerLine {
  readonly request: IncomingMessage;
  readonly socket: WebSocket;
  /** Everything that was heard, in its order. */
  // bound: what a test says · evicts: never · owner: ServerLine
  readonly heard: Fields[] = [];

  constructor(request: IncomingMessage, socket: WebSocket) {
    this.request = request;
    this.socket = socket;
  }

  say(message: Fields): void {
    this.socket.send(JSON.stringify(message));
  }

  bytes(...frames: readonly Uint8Array[]): void {
    this.socket.send(Buffer.concat(frames));
  }

  event(type: string, payload: Fields, more: Fields = {}): void {
    this.say({ id: "e-1", type, timestamp: "2030-01-01T00:00:00Z", payload, ...more });
  }

  /** An answer to a message (Visualisation §2.2). */
  answer(message: Fields, type: string, payload: Fields): void {
    this.event(type, payload, { metadata: { correlationId: message["id"] } });
  }

  /** The types of what was heard. */
  get types(): readonly unknown[] {
    return this.heard.map(({ type }) => type);
  }
}

const ack = { sessionId: "s-1", protocols: ["binary", "json"], heartbeatInterval: 30_000, compression: "zlib" };

/** Speaks the broker's side as a test wants it, also wrongly. */
export class VisualisationServer {
  readonly #server: WebSocketServer;
  // bound: connections of a test · evicts: never · owner: VisualisationServer
  readonly lines: ServerLine[] = [];
  readonly #waiting: ((line: ServerLine) => void)[] = [];
  /** By type; a test puts others in their place. */
  readonly answers: Record<string, Answer | undefined> = {
    handshake: (message, line) => {
      line.answer(message, "handshake_ack", { ...ack, ...message, serverTime: "2030-01-01T00:00:00Z" });
    },
    "version.negotiate": (message, line) => {
      line.answer(message, "version.selected", { version: message["preferred"], features: [] });
    },
    "compression.negotiate": (message, line) => {
      const [algorithm] = message["algorithms"] as readonly string[];
      line.answer(message, "compression.selected", { algorithm, level: 6 });
    },
    "channel.create": (message, line) => {
      line.answer(message, "channel.created", message["payload"] as Fields);
    },
    "channel.close": (message, line) => {
      line.answer(message, "channel.closed", message["payload"] as Fields);
    },
    "streams.select": (message, line) => {
      line.answer(message, "streams.selected", message["payload"] as Fields);
    },
    heartbeat: (message, line) => {
      line.answer(message, "heartbeat", {});
    },
  };

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on("connection", (socket, request) => {
      const line = new ServerLine(request, socket);
      this.lines.push(line);
      socket.on("message", (data: Buffer) => {
        const message = JSON.parse(data.toString()) as Fields;
        line.heard.push(message);
        const inner = (message["message"] ?? message) as Fields;
        this.answers[String(inner["type"])]?.(inner, line);
      });
      this.#waiting.shift()?.(line);
    });
  }

  static async start(): Promise<VisualisationServer> {
    const server = new WebSocketServer({
      port: 0,
      host: "127.0.0.1",
      handleProtocols: (offered) => (offered.has("visualisation.v2") ? "visualisation.v2" : false),
    });
    await new Promise((resolve) => server.once("listening", resolve));
    return new VisualisationServer(server);
  }

  get url(): string {
    return `ws://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}/agents/ws`;
  }

  /** The connection that is made next. */
  next(): Promise<ServerLine> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  get last(): ServerLine {
    const line = this.lines.at(-1);
    if (line === undefined) throw new Error("nobody has connected");
    return line;
  }

  async stop(): Promise<void> {
    for (const { socket } of this.lines) socket.terminate();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}

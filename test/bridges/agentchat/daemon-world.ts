import { mkdtemp, readFile, rm } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import type { ClientHears, DaemonClient, DaemonClientOptions } from "../../../bridges/agentchat/client-daemon.js";

/** A directory of its own, to be removed by `remove`. */
export async function tempDir(): Promise<{ readonly dir: string; remove(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), "daemon-test-"));
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}

/** The JSON lines of a file; none if there is no file. */
export function jsonLines(path: string): Readonly<Record<string, unknown>>[] {
  let text = "";
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return [];
  }
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The whole text of a file. */
export function textOf(path: string): Promise<string> {
  return readFile(path, "utf8");
}

/** An error as a client throws it. */
export function refusal(code: string, more: { readonly ref?: string; readonly retryAfterMs?: number } = {}): Error {
  return Object.assign(new Error(code), { code, ...more });
}

/** A client in memory: says what it was told, and fails as it is told to. */
export class FakeClient implements DaemonClient {
  agentId: string | undefined;
  readonly sent: { readonly to: string; readonly content: string; readonly id: string }[] = [];
  readonly joined: string[] = [];
  /** Each call of connect, join, send or ping takes the next failure of its list, if there is one. */
  readonly failures: Readonly<Record<"connect" | "join" | "send" | "ping", (Error | undefined)[]>> = { connect: [], join: [], send: [], ping: [] };
  /** Called with each message that was sent. */
  onSend: (id: string) => void = () => undefined;

  constructor(readonly options: DaemonClientOptions, readonly hears: ClientHears) {}

  connect(): Promise<void> {
    this.agentId = "@fake";
    return this.#do("connect");
  }

  join(channel: string): Promise<void> {
    this.joined.push(channel);
    return this.#do("join");
  }

  send(to: string, content: string, { msgId }: { readonly msgId: string }): Promise<void> {
    this.sent.push({ to, content, id: msgId });
    this.onSend(msgId);
    return this.#do("send");
  }

  ping(): Promise<void> {
    return this.#do("ping");
  }

  disconnect(): Promise<void> {
    return Promise.resolve();
  }

  #do(what: "connect" | "join" | "send" | "ping"): Promise<void> {
    const failure = this.failures[what].shift();
    return failure === undefined ? Promise.resolve() : Promise.reject(failure);
  }
}

interface Frame {
  readonly type: string;
  readonly channel?: string;
  readonly to?: string;
  readonly content?: string;
  readonly msg_id?: string;
}

/** A small AgentChat server: keeps every MSG that arrives, and each but once by its id, as ours does. */
export class FakeServer {
  /** Every MSG, repeated ones too. */
  readonly arrived: { readonly id: string; readonly content: string }[] = [];
  /** Contents, each once by its id, in the order of arrival. */
  readonly heard: string[] = [];
  /** Called before a frame is answered; false: it is not. */
  onFrame: (frame: Frame) => boolean = () => true;
  readonly #ids = new Map<string, string>();
  readonly #server: WebSocketServer;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on("connection", (socket) => {
      socket.on("message", (data: Buffer) => {
        this.#take(socket, JSON.parse(data.toString()) as Frame);
      });
    });
  }

  static async start(): Promise<FakeServer> {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await new Promise((resolve) => server.once("listening", resolve));
    return new FakeServer(server);
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    await new Promise((resolve) => { this.#server.close(resolve); });
  }

  #take(socket: WebSocket, frame: Frame): void {
    const { type, channel, content = "", msg_id: id = "" } = frame;
    if (type === "MSG") {
      this.arrived.push({ id, content });
      if (!this.#ids.has(id)) this.heard.push(content);
      this.#ids.set(id, content);
    }
    if (!this.onFrame(frame)) return;
    const answer = (event: object): void => {
      socket.send(JSON.stringify({ ts: Date.now(), ...event }));
    };
    if (type === "IDENTIFY") answer({ type: "WELCOME", agent_id: "@daemon01", server: "fake" });
    if (type === "JOIN") answer({ type: "JOINED", channel, agents: ["@daemon01"] });
    if (type === "PING") answer({ type: "PONG" });
  }
}

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { mkdirSync, readFileSync, renameSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import type { ClientHears, DaemonClient, DaemonClientOptions } from "../../../clients/typescript/agentchat/daemon.js";

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
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The whole text of a file. */
export function textOf(path: string): Promise<string> {
  return readFile(path, "utf8");
}

/**
 * Lets a file be replaced no more, by a folder where its successor would be written, until what it returns is called.
 */
export function block(path: string): () => void {
  mkdirSync(`${path}.next`);
  return () => {
    rmdirSync(`${path}.next`);
  };
}

/** Lets a file be appended to no more, by a folder in its place, until what it returns is called; its text is kept. */
export function blockAppends(path: string): () => void {
  renameSync(path, `${path}.kept`);
  mkdirSync(path);
  return () => {
    rmdirSync(path);
    renameSync(`${path}.kept`, path);
  };
}

/** An error as a client throws it. */
export function refusal(code: string, more: { readonly ref?: string; readonly retryAfterMs?: number } = {}): Error {
  return Object.assign(new Error(`${code}, in words`), { code, ...more });
}

/** What a {@link FakeClient} can be asked. */
const calls = [
  "connect",
  "join",
  "send",
  "ping",
  "leave",
  "createChannel",
  "invite",
  "propose",
  "accept",
  "reject",
  "complete",
  "dispute",
] as const;
type CallName = (typeof calls)[number];

/** A client in memory: says what it was told, and fails as it is told to. */
export class FakeClient implements DaemonClient {
  agentId: string | undefined;
  /** It was disconnected. */
  isGone = false;
  readonly sent: { readonly to: string; readonly content: string; readonly id: string }[] = [];
  readonly joined: string[] = [];
  /** Every other call, with what it was given. */
  readonly called: (readonly [CallName, ...unknown[]])[] = [];
  /** Each call takes the next failure of its list, if there is one. */
  readonly failures = Object.fromEntries(calls.map((name) => [name, []])) as unknown as Readonly<
    Record<CallName, (Error | undefined)[]>
  >;
  /** Called with each message that was sent. */
  onSend: (id: string) => void = () => undefined;
  /** Called with each of {@link called}, before it is answered. */
  onCall: (name: CallName) => void = () => undefined;

  constructor(
    readonly options: DaemonClientOptions,
    readonly hears: ClientHears,
  ) {}

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
    this.isGone = true;
    return Promise.resolve();
  }

  leave = (...given: unknown[]): Promise<void> => this.#call("leave", given);
  createChannel = (...given: unknown[]): Promise<void> => this.#call("createChannel", given);
  invite = (...given: unknown[]): Promise<void> => this.#call("invite", given);
  propose = (...given: unknown[]): Promise<void> => this.#call("propose", given);
  accept = (...given: unknown[]): Promise<void> => this.#call("accept", given);
  reject = (...given: unknown[]): Promise<void> => this.#call("reject", given);
  complete = (...given: unknown[]): Promise<void> => this.#call("complete", given);
  dispute = (...given: unknown[]): Promise<void> => this.#call("dispute", given);

  #call(name: CallName, given: readonly unknown[]): Promise<void> {
    this.called.push([name, ...given]);
    this.onCall(name);
    return this.#do(name);
  }

  #do(name: CallName): Promise<void> {
    const failure = this.failures[name].shift();
    return failure === undefined ? Promise.resolve() : Promise.reject(failure);
  }
}

interface Frame {
  readonly type: string;
  readonly channel?: string;
  readonly to?: string;
  readonly content?: string;
  readonly msg_id?: string;
  readonly task?: string;
  readonly proposal_id?: string;
  readonly sig?: string;
}

/**
 * A small AgentChat server: keeps what is said, messages once by their id, proposals once by their signature, as ours
 * does; a step that was taken is refused the next time.
 */
export class FakeServer {
  /** Every frame that a line of an outbox can be, repeated ones too; JOIN but the first of each channel. */
  readonly arrived: { readonly id: string; readonly content: string }[] = [];
  /** What was taken, each once, in the order of arrival: contents, tasks, ids of proposals, channels. */
  readonly heard: string[] = [];
  /** Channels that are joined by the last connection. */
  readonly joined: string[] = [];
  /** Called before a frame is answered; false: it is not. */
  onFrame: (frame: Frame) => boolean = () => true;
  readonly #server: WebSocketServer;
  #said = 0;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on("connection", (socket) => {
      this.joined.length = 0;
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

  /** Says something in #general to all who are connected. */
  says(content: string): void {
    this.#said += 1;
    const event = {
      type: "MSG",
      from: "@partner",
      to: "#general",
      content,
      ts: Date.now(),
      msg_id: `said ${this.#said}`,
    };
    for (const socket of this.#server.clients) socket.send(JSON.stringify(event));
  }

  async stop(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #take(socket: WebSocket, frame: Frame): void {
    const { type, channel = "", to, task, proposal_id: id, sig } = frame;
    const isNew = this.#keep(frame);
    if (!this.onFrame(frame)) return;
    const answer = (event: object): void => {
      socket.send(JSON.stringify({ ts: Date.now(), ...event }));
    };
    if (type === "IDENTIFY") answer({ type: "WELCOME", agent_id: fakeId, server: "fake" });
    if (type === "PING") answer({ type: "PONG" });
    if (type === "CREATE_CHANNEL" && !isNew)
      answer({ type: "ERROR", code: "CHANNEL_EXISTS", message: "it is there", ref: type });
    else if (type === "JOIN" || type === "CREATE_CHANNEL") {
      this.joined.push(channel);
      answer({ type: "JOINED", channel, agents: [fakeId] });
    }
    if (type === "PROPOSAL")
      answer({
        type,
        id: `id of ${task ?? ""}`,
        proposal_id: `id of ${task ?? ""}`,
        from: fakeId,
        to,
        task,
        status: "pending",
        sig,
      });
    if (type === "ACCEPT")
      answer(
        isNew
          ? { type, proposal_id: id, from: fakeId, to: "@partner", status: "accepted", sig }
          : { type: "ERROR", code: "INVALID_PROPOSAL", message: "this one is accepted", ref: type },
      );
  }

  /** @returns false for what was kept before */
  #keep({
    type,
    channel = "",
    content = "",
    msg_id: msgId = "",
    task = "",
    proposal_id: proposal = "",
    sig = "",
  }: Frame): boolean {
    const kept = {
      MSG: [msgId, content],
      PROPOSAL: [sig, task],
      ACCEPT: [proposal, proposal],
      JOIN: [channel, channel],
      CREATE_CHANNEL: [channel, channel],
    }[type];
    if (kept === undefined || startChannels.includes(channel)) return false;
    const [id = "", what = ""] = kept;
    const isNew = !this.arrived.some((one) => one.id === id);
    if (!isNew && type === "JOIN") return false;
    this.arrived.push({ id, content: what });
    if (isNew) this.heard.push(what);
    return isNew;
  }
}

/** Whom the {@link FakeServer} welcomes. */
const fakeId = "@daemon01";
const startChannels: readonly string[] = ["#general", "#agents"];

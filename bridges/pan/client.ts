import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { WebSocket } from "ws";
import { Backoff } from "./client-backoff.js";
import { Calls, PanError, type CallKind } from "./client-calls.js";
import type { ChatEvent, ErrorEvent, Event, SystemEvent } from "./schema.js";

export { PanError } from "./client-calls.js";
export type { ChatEvent, ErrorEvent, SystemEvent } from "./schema.js";

/** How a PAN client reaches its server. */
export interface PanClientOptions {
  /** `ws://127.0.0.1:8080/pan` */
  readonly url: string;
  readonly agentId: string;
  /** A name for people; the agentId when absent. */
  readonly name?: string;
  readonly token: string;
  /** How long a call waits for its answer, milliseconds. */
  readonly answerTimeoutMs?: number;
  /** Connects again by itself when the line is lost. */
  readonly reconnect?: boolean;
}

/** What a chat may carry beside its text. */
export interface SayOptions {
  readonly messageId?: string;
  readonly intent?: "request" | "response" | "inform";
  readonly replyTo?: string;
  readonly data?: unknown;
  readonly priority?: string;
}

/** What a client tells: chats, notices, refusals of what was said, and the state of its line. */
export interface PanClientEvents {
  chat: [ChatEvent];
  system: [SystemEvent];
  /** An error frame that answers no call: a chat refused, a message not answered. */
  refused: [ErrorEvent];
  open: [];
  close: [{ readonly code: number; readonly reason: string }];
  reconnecting: [{ readonly inMs: number }];
}

/** Closed by a server that will not have us back: displaced by another session of the name. */
const displaced = 4409;

/**
 * A PAN v1.0 client (PAN §1–6): authenticates, joins its rooms again after a loss of the line, and never comes back once displaced or refused.
 * @example
 * const bot = new PanClient({ url: "ws://127.0.0.1:8080/pan", agentId: "trader", token });
 * await bot.connect();
 * bot.on("chat", (chat) => bot.say(chat.from, `you said ${chat.text}`, { replyTo: chat.messageId }));
 */
export class PanClient extends EventEmitter<PanClientEvents> {
  readonly #options: Required<Omit<PanClientOptions, "name">> & Pick<PanClientOptions, "name">;
  readonly #calls = new Calls();
  readonly #backoff = new Backoff(Math.random);
  // bound: rooms that the application joined · evicts: a room leaves by leave() · owner: PanClient
  readonly #rooms = new Set<string>();
  #socket: WebSocket | undefined;
  #phase: "idle" | "connecting" | "ready" | "waiting" | "closed" = "idle";
  #retry: NodeJS.Timeout | undefined;

  constructor(options: PanClientOptions) {
    super();
    this.#options = { answerTimeoutMs: 10_000, reconnect: true, ...options };
  }

  /** Connects and authenticates. @throws PanError AUTH_FAILED, AGENT_ID_IN_USE, CLOSED, TIMEOUT */
  async connect(): Promise<void> {
    if (this.#phase !== "idle") throw new PanError("CLOSED", "this client was connected before; make a new one");
    try {
      await this.#open();
    } catch (thrown) {
      this.#phase = "closed";
      this.#socket?.terminate();
      throw thrown;
    }
  }

  /** Says something to an agent, a `#room` or `all`. A refusal comes as the event `refused`. @throws PanError CLOSED */
  say(to: string, text: string, options: SayOptions = {}): void {
    // With an id of its own each refusal names its chat and is never taken for the answer of a call.
    this.#send({ type: "chat", to, text, messageId: randomUUID(), ...options });
  }

  /** Says something to everybody (PAN §2.1). */
  broadcast(text: string): void {
    this.say("all", text);
  }

  /** Joins a room, now and after every reconnect; `history` asks for its last messages. @throws PanError */
  async join(room: string, options: { readonly history?: number } = {}): Promise<void> {
    await this.#call("join", { type: "join", room, ...options }, room);
    this.#rooms.add(room);
  }

  /** @throws PanError */
  async leave(room: string): Promise<void> {
    this.#rooms.delete(room);
    await this.#call("leave", { type: "leave", room }, room);
  }

  /** Agents that are online, in whatever dialect. @throws PanError */
  async list(): Promise<readonly { readonly id: string; readonly name: string }[]> {
    const answer = await this.#call("list", { type: "list" });
    return answer.type === "list" ? answer.agents : [];
  }

  /** Leaves for good. */
  async close(): Promise<void> {
    this.#phase = "closed";
    clearTimeout(this.#retry);
    const socket = this.#socket;
    if (socket === undefined || socket.readyState === WebSocket.CLOSED) return;
    await new Promise<void>((resolve) => {
      const late = setTimeout(() => {
        socket.terminate();
      }, 1_000);
      socket.once("close", () => {
        clearTimeout(late);
        resolve();
      });
      socket.close(1000);
    });
  }

  async #open(): Promise<void> {
    const { url, agentId, name, token } = this.#options;
    this.#phase = "connecting";
    const socket = new WebSocket(url, "pan.v1", { perMessageDeflate: false });
    this.#socket = socket;
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", (error) => {
        reject(new PanError("CLOSED", `cannot connect to ${url}: ${error.message}; is the broker running there?`));
      });
    });
    socket.on("error", () => {
      socket.terminate(); // "close" follows and says what there is to say
    });
    socket.on("message", (data: Buffer) => {
      this.#hear(data.toString());
    });
    socket.once("close", (code, reason) => {
      this.#lost(code, reason.toString());
    });
    await this.#call("auth", { type: "auth", agentId, token, ...(name !== undefined && { name }) });
    this.#phase = "ready";
    this.#backoff.reset();
    await Promise.all([...this.#rooms].map((room) => this.#call("join", { type: "join", room }, room)));
    this.emit("open");
  }

  #call(kind: CallKind, frame: Readonly<Record<string, unknown>>, room?: string): Promise<Event> {
    const answer = this.#calls.wait(kind, room, this.#options.answerTimeoutMs);
    try {
      this.#send(frame);
    } catch (thrown) {
      this.#calls.close(thrown instanceof PanError ? thrown : new PanError("CLOSED", String(thrown)));
    }
    return answer;
  }

  #send(frame: Readonly<Record<string, unknown>>): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) throw new PanError("CLOSED", "not connected; wait for the event open");
    this.#socket.send(JSON.stringify(frame));
  }

  #hear(text: string): void {
    const event = JSON.parse(text) as Event; // our server's frame
    if (event.type === "chat") this.emit("chat", event);
    else if (event.type === "error") {
      if (!this.#calls.refuse(event)) this.emit("refused", event);
    } else if (!this.#calls.answer(event) && event.type === "system") this.emit("system", event);
  }

  #lost(code: number, reason: string): void {
    const wasReady = this.#phase === "ready";
    this.#calls.close(new PanError("CLOSED", `the connection was closed: ${code} ${reason}`));
    if (this.#phase === "closed" || !wasReady || code === displaced || !this.#options.reconnect) {
      if (wasReady) this.#phase = "closed";
      this.emit("close", { code, reason });
      return;
    }
    this.emit("close", { code, reason });
    this.#again();
  }

  #again(): void {
    if (this.#phase === "closed") return;
    this.#phase = "waiting";
    const inMs = this.#backoff.next();
    this.emit("reconnecting", { inMs });
    this.#retry = setTimeout(() => {
      this.#open().catch((thrown: unknown) => {
        this.#socket?.terminate();
        if (thrown instanceof PanError && thrown.code === "AUTH_FAILED") {
          this.#phase = "closed";
          this.emit("close", { code: 1008, reason: thrown.message });
        } else this.#again();
      });
    }, inMs);
  }
}

import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { WebSocket } from "ws";
import { certificateRemedy } from "../shared/certificate-remedy.js";
import {
  errorCodes,
  type ChatEvent,
  type ErrorEvent,
  type Event,
  type SystemEvent,
} from "../../../bridges/pan/schema.js";
import { Backoff } from "./backoff.js";
import { Calls, PanError, type CallKind } from "./calls.js";
import { chatProblem, readEvent } from "./frames.js";
import { rejoin } from "./rejoin.js";

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

/** A refusal that answers no call; `room` is the one that could not be joined again after a reconnect. */
export type Refused = ErrorEvent & { readonly room?: string };

/** What a client tells: chats, notices, refusals of what was said, and the state of its line. */
export interface PanClientEvents {
  chat: [ChatEvent];
  system: [SystemEvent];
  /**
   * An error that answers no call: a chat refused, a message not answered, the loop guard. Also, told by the client
   * itself: a room that could
   * not be joined again (`room`), and INTERNAL for a frame of the server that is not PAN.
   */
  refused: [Refused];
  /** Logged in and, after a reconnect, back in the rooms. */
  open: [];
  /**
   * The line was lost or closed after the welcome, or coming back was given up; attempts that fail tell `reconnecting`
   * only.
   */
  close: [{ readonly code: number; readonly reason: string }];
  reconnecting: [{ readonly inMs: number }];
}

export { PanError } from "./calls.js";
export type { ChatEvent, ErrorEvent, SystemEvent } from "../../../bridges/pan/schema.js";

/** Closed by a server that will not have us back: displaced by another session of the name. */
const displaced = 4409;

/** Refusals of a login that no waiting mends; others (PAN §6) are tried again. */
const final: readonly string[] = ["AUTH_FAILED", "AGENT_ID_IN_USE"];

/** A server cannot put a client off for longer than this, milliseconds. */
const putOffMaxMs = 3_600_000;

/**
 * A PAN v1.0 client (PAN §1–6): authenticates, joins its rooms again after a loss of the line, and never comes back
 * once displaced or refused.
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
  /** Aborted when the socket of its time is lost or closed. */
  #line = new AbortController();
  #phase: "idle" | "connecting" | "rejoining" | "ready" | "waiting" | "closed" = "idle";
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
      this.#drop();
      this.#phase = "closed";
      throw thrown;
    }
    this.emit("open");
  }

  /**
   * Says something to an agent, a `#room` or `all`. A refusal, a malformed chat's too, comes as the event `refused`.
   * @throws PanError CLOSED
   */
  say(to: string, text: string, options: SayOptions = {}): void {
    // With an id of its own each refusal names its chat and is never taken for the answer of a call; of a malformed
    // chat a server
    // does not read the id, so that one is refused here.
    const messageId = options.messageId ?? randomUUID();
    const frame = { type: "chat", to, text, ...options, messageId };
    const problem = chatProblem(frame);
    this.#checkWelcomed();
    if (problem === undefined) this.#send(frame);
    else
      queueMicrotask(() =>
        this.emit("refused", { type: "error", code: "INVALID_FORMAT", message: problem, messageId }),
      );
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
    this.#rooms.delete(room); // a join that was under way has added it again
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
    this.#line.abort();
    this.#calls.close(new PanError("CLOSED", "this client was closed"));
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
    const { url, agentId, name, token, answerTimeoutMs } = this.#options;
    this.#phase = "connecting";
    const line = new AbortController();
    const socket = new WebSocket(url, "pan.v1", { perMessageDeflate: false, handshakeTimeout: answerTimeoutMs });
    this.#line = line;
    this.#socket = socket;
    socket.on("error", () => {
      socket.terminate(); // "close" follows and says what there is to say
    });
    socket.on("message", (data: Buffer) => {
      if (socket === this.#socket) this.#hear(data.toString());
    });
    socket.once("close", (code, reason) => {
      this.#lost(socket, code, reason.toString());
    });
    await opened(socket, url);
    this.#checkCurrent(socket);
    await this.#ask("auth", { type: "auth", agentId, token, ...(name !== undefined && { name }) });
    this.#checkCurrent(socket);
    this.#phase = "rejoining";
    await rejoin(this.#rooms, {
      join: (room) => this.#call("join", { type: "join", room }, room),
      refused: (room, { code, message }) => {
        const known = errorCodes.find((one) => one === code) ?? "INTERNAL";
        this.emit("refused", { type: "error", code: known, message: `${room} was not joined again: ${message}`, room });
      },
      signal: line.signal,
    });
    this.#checkCurrent(socket);
    this.#phase = "ready";
    this.#backoff.reset();
  }

  /** After each wait of #open: close() or a loss may have come in between. */
  #checkCurrent(socket: WebSocket): void {
    if (this.#phase === "closed") throw new PanError("CLOSED", "this client was closed");
    if (this.#socket !== socket) throw new PanError("CLOSED", "the connection was lost during login");
  }

  #checkWelcomed(): void {
    if (this.#phase !== "ready" && this.#phase !== "rejoining")
      throw new PanError("CLOSED", "not connected; wait for the event open");
  }

  async #call(kind: CallKind, frame: Readonly<Record<string, unknown>>, room?: string): Promise<Event> {
    this.#checkWelcomed();
    return this.#ask(kind, frame, room);
  }

  async #ask(kind: CallKind, frame: Readonly<Record<string, unknown>>, room?: string): Promise<Event> {
    this.#send(frame);
    return this.#calls.wait(kind, room, this.#options.answerTimeoutMs);
  }

  #send(frame: Readonly<Record<string, unknown>>): void {
    if (this.#socket?.readyState !== WebSocket.OPEN)
      throw new PanError("CLOSED", "not connected; wait for the event open");
    this.#socket.send(JSON.stringify(frame));
  }

  #hear(text: string): void {
    const reading = readEvent(text);
    if (reading.kind === "unknown") return;
    if (reading.kind === "garbage") {
      this.emit("refused", {
        type: "error",
        code: "INTERNAL",
        message: `the server sent what is no PAN event: ${reading.problem}`,
      });
      return;
    }
    const { event } = reading;
    if (event.type === "chat") this.emit("chat", event);
    else if (event.type === "error") {
      if (!this.#calls.refuse(event)) this.emit("refused", event);
    } else if (!this.#calls.answer(event) && event.type === "system") this.emit("system", event);
  }

  #lost(socket: WebSocket, code: number, reason: string): void {
    if (socket !== this.#socket) return;
    const phase = this.#phase;
    this.#socket = undefined;
    this.#line.abort();
    if (code === displaced || (phase === "ready" && !this.#options.reconnect)) this.#phase = "closed";
    this.#calls.close(new PanError("CLOSED", `the connection was closed: ${code} ${reason}`));
    // Before it is ready the rejected #open tells whether to try again, so that one loss is one retry.
    if (phase === "ready" && this.#phase !== "closed") this.#phase = "waiting";
    if (phase !== "connecting" || code === displaced) this.emit("close", { code, reason });
    if (phase === "ready") this.#again();
  }

  #again(retryAfterMs = 0): void {
    if (this.#phase === "closed") return;
    this.#phase = "waiting";
    const inMs = Math.max(this.#backoff.next(), Math.min(retryAfterMs, putOffMaxMs));
    this.#retry = setTimeout(() => {
      void this.#comeBack();
    }, inMs);
    this.emit("reconnecting", { inMs });
  }

  async #comeBack(): Promise<void> {
    try {
      await this.#open();
    } catch (thrown) {
      this.#failed(thrown);
      return;
    }
    this.emit("open");
  }

  #failed(thrown: unknown): void {
    this.#drop();
    if (thrown instanceof PanError && !final.includes(thrown.code)) {
      this.#again(thrown.retryAfter);
      return;
    }
    if (this.#phase !== "closed") {
      this.#phase = "closed";
      this.emit("close", { code: 1008, reason: thrown instanceof Error ? thrown.message : String(thrown) });
    }
    if (!(thrown instanceof PanError)) throw thrown; // a listener's own
  }

  /** Lets go of a socket that did not make it; one that close() is closing is left to it. */
  #drop(): void {
    const socket = this.#socket;
    if (this.#phase === "closed" || socket === undefined) return;
    this.#socket = undefined;
    this.#line.abort();
    this.#calls.close(new PanError("CLOSED", "the login failed"));
    socket.terminate();
  }
}

function opened(socket: WebSocket, url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", (error) => {
      reject(
        new PanError(
          "CLOSED",
          `cannot connect to ${url}: ${error.message}; ${certificateRemedy(error) ?? "is the broker running there?"}`,
        ),
      );
    });
  });
}

import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { WebSocket } from "ws";
import { errorCodes, type AnswerEvent, type Event, type SystemEvent } from "../../../bridges/pan/schema.js";
import { Backoff } from "../shared/backoff.js";
import { askTimeoutMs, type AskOptions, type QuestionData } from "../shared/questions.js";
import { beginningOf, JoinedRooms, type RoomBeginning } from "../shared/joined-rooms.js";
import { unknownOption } from "../shared/unknown-option.js";
import { closeSocket, connectProblem, silentMsDefault, watchSilence } from "../shared/socket.js";
import { answerCall, answerTo, noCalls, PanError, refuseCall, type CallKind } from "./calls.js";
import { frameProblem, readEvent } from "./frames.js";
import { askOptions, clientOptions, joinOptions, sayOptions } from "./known-options.js";
import type { JoinOptions, PanAnswer, PanClientEvents, PanClientOptions, SayOptions } from "./options.js";
import { rejoin } from "./rejoin.js";

export type { Delivery, PanAnswer, PanClientEvents, PanClientOptions, Refused, SayOptions } from "./options.js";
export { PanError } from "./calls.js";
export type { AskOptions, QuestionData } from "../shared/questions.js";
export type { ReadOn, RoomBeginning, RoomCursor } from "../shared/joined-rooms.js";
export type { ChatEvent, ErrorEvent, SystemEvent } from "../../../bridges/pan/schema.js";

/** The code with which a server closes for good: another session of this name has taken over. */
const displaced = 4409;

/** Refusals of a login that are the same next time; after others (PAN §6) it is tried again. */
const final: readonly string[] = ["AUTH_FAILED", "AGENT_ID_IN_USE"];

/** Every connection that was ready held: the next loss is tried again at once. */
const steadyMs = 0;

/** A server can make a client wait no longer than this, milliseconds. */
const putOffMaxMs = 3_600_000;

/**
 * A PAN v1.0 client (PAN §1–6): authenticates, joins its rooms again after a loss of the connection, and does not come
 * back once it is displaced or refused.
 * @example
 * const bot = new PanClient({ url: "ws://127.0.0.1:8080/pan", agentId: "trader", token });
 * await bot.connect();
 * bot.on("chat", (chat) => bot.say(chat.from, `you said ${chat.text}`, { replyTo: chat.messageId }));
 */
export class PanClient extends EventEmitter<PanClientEvents> {
  readonly #options: Required<Omit<PanClientOptions, "name" | "mailbox">> & Pick<PanClientOptions, "name" | "mailbox">;
  readonly #calls = noCalls();
  readonly #backoff = new Backoff(steadyMs);
  readonly #rooms = new JoinedRooms();
  #socket: WebSocket | undefined;
  /** Aborted when the present connection is lost or closed. */
  #ended = new AbortController();
  #phase: "idle" | "connecting" | "rejoining" | "ready" | "waiting" | "closed" = "idle";
  #retry: NodeJS.Timeout | undefined;

  /** @throws PanError INVALID_FORMAT for an option that is none */
  constructor(options: PanClientOptions) {
    super();
    const problem = unknownOption("new PanClient", options, clientOptions);
    if (problem !== undefined) throw new PanError("INVALID_FORMAT", problem);
    this.#options = { answerTimeoutMs: 10_000, reconnect: true, silentMs: silentMsDefault, ...options };
  }

  /** Connects and authenticates. @throws PanError AUTH_FAILED, AGENT_ID_IN_USE, CLOSED, TIMEOUT */
  async connect(): Promise<void> {
    if (this.#phase !== "idle") throw new PanError("CLOSED", "this client was used before; make a new one");
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
   * Says something to an agent, a `#room` or `all`. A refusal, also of a malformed chat, comes as the event `refused`.
   * @throws PanError CLOSED
   */
  say(to: string, text: string, options: SayOptions = {}): void {
    // Each chat has an id, so that its refusal names it and is never taken for the answer to a call. A server does not
    // read the id of a malformed chat, so that one is refused here.
    const messageId = options.messageId ?? randomUUID();
    const frame = { type: "chat" as const, to, text, ...options, messageId };
    const problem = unknownOption("say", options, sayOptions) ?? frameProblem(frame);
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

  /**
   * Joins a room, now and after every reconnect; `history` asks for its last messages. `after` asks for all that follows
   * a place in a durable room; a reconnect then goes on where it was, and tells the event `gap` if something is lost.
   * @throws PanError INVALID_FORMAT, NOT_INVITED, AGENT_NOT_FOUND, RATE_LIMIT, …
   */
  async join(room: string, options: JoinOptions = {}): Promise<RoomBeginning> {
    const frame = { type: "join" as const, room, ...options };
    const problem =
      options.history !== undefined && options.after !== undefined
        ? "join: history and after are two ways to read what is past; give one of them"
        : (unknownOption("join", options, joinOptions) ?? frameProblem(frame));
    if (problem !== undefined) throw new PanError("INVALID_FORMAT", `${problem}; nothing was sent`);
    return beginningOf(await this.#rooms.join(room, options, () => this.#joined(room, options)));
  }

  /** @throws PanError */
  async leave(room: string): Promise<void> {
    this.#rooms.delete(room);
    await this.#call("leave", { type: "leave", room }, room);
    this.#rooms.delete(room); // a join that was under way has added it again
  }

  /** The rooms that it has joined and not left, and those in which it was while it was away; also while reconnecting. */
  get rooms(): ReadonlySet<string> {
    return this.#rooms.names;
  }

  /** Agents that are online, in whatever dialect. @throws PanError */
  async list(): Promise<readonly { readonly id: string; readonly name: string }[]> {
    const answer = await this.#call("list", { type: "list" });
    return answer.type === "list" ? answer.agents : [];
  }

  /**
   * Asks the broker something (PAN §13): `rooms.list`, `room.members` …, with the fields that
   * `schemas/broker-requests.json` has for the kind in `content.data`. It may be answered late, and holds up nothing.
   * @throws PanError INVALID_FORMAT (also for a kind that the server does not have), RATE_LIMIT, …, TIMEOUT, CLOSED
   */
  async ask(kind: string, data?: QuestionData, options: AskOptions = {}): Promise<PanAnswer> {
    const messageId = randomUUID();
    const frame = { type: "ask" as const, kind, ...(data !== undefined && { data }), messageId };
    const problem = unknownOption("ask", options, askOptions) ?? frameProblem(frame);
    if (problem !== undefined) throw new PanError("INVALID_FORMAT", `${problem}; nothing was sent`);
    this.#checkWelcomed();
    this.#send(frame);
    const { answerTimeoutMs } = this.#options;
    const answer = await this.#calls.wait(
      "ask",
      (event) => (event.type === "answer" && event.replyTo === messageId ? event : undefined),
      askTimeoutMs(data, options, answerTimeoutMs),
      messageId,
    );
    return answerOf(answer);
  }

  /** Leaves for good. */
  async close(): Promise<void> {
    this.#phase = "closed";
    clearTimeout(this.#retry);
    this.#ended.abort();
    this.#calls.fail(new PanError("CLOSED", "this client was closed"));
    if (this.#socket !== undefined) await closeSocket(this.#socket);
  }

  async #open(): Promise<void> {
    const { url, answerTimeoutMs, silentMs } = this.#options;
    this.#phase = "connecting";
    this.#rooms.begin();
    const ended = new AbortController();
    const socket = new WebSocket(url, "pan.v1", { perMessageDeflate: false, handshakeTimeout: answerTimeoutMs });
    this.#ended = ended;
    this.#socket = socket;
    socket.on("error", () => {
      socket.terminate(); // the event "close" follows and tells the rest
    });
    socket.on("message", (data: Buffer) => {
      if (socket === this.#socket) this.#hear(data.toString());
    });
    socket.once("close", (code, reason) => {
      this.#lost(socket, code, reason.toString());
    });
    await opened(socket, url);
    watchSilence(socket, silentMs);
    this.#checkCurrent(socket);
    const inside = await this.#authenticate(ended.signal);
    this.#checkCurrent(socket);
    this.#rooms.enter(inside);
    this.#phase = "rejoining";
    await rejoin(
      this.#rooms,
      async (room) => {
        const { gap } = await this.#joined(room, this.#rooms.behind(room));
        if (gap === true) this.emit("gap", { room });
      },
      (room, { code, message }) => {
        const known = errorCodes.find((one) => one === code) ?? "INTERNAL";
        this.emit("refused", { type: "error", code: known, message: `${room} was not joined again: ${message}`, room });
      },
      ended.signal,
    );
    this.#checkCurrent(socket);
    this.#phase = "ready";
    this.#backoff.ready();
  }

  /** @returns the rooms in which it is at once, since its mailbox says `rooms: true` (PAN §14.6) */
  async #authenticate(signal: AbortSignal): Promise<readonly string[]> {
    const { agentId, name, token, mailbox } = this.#options;
    const optional = { ...(name !== undefined && { name }), ...(mailbox !== undefined && { mailbox }) };
    const welcomed = this.#ask("auth", { type: "auth", agentId, token, ...optional });
    let opened: AnswerEvent | undefined;
    // Its place is behind the login's: a refusal without an id belongs to the older of the two.
    if (mailbox !== undefined)
      this.#calls.follow("mailbox", "", {
        answer: (event) => {
          const answer = answerTo("mailbox", undefined, event);
          if (answer?.type !== "answer") return false;
          opened = answer;
          return true;
        },
        taken: () => {
          if (opened !== undefined) this.emit("mailbox", answerOf(opened));
        },
        refused: ({ message, code }: Error & { readonly code?: string }) => {
          const known = errorCodes.find((one) => one === code) ?? "INTERNAL";
          if (!signal.aborted) this.emit("refused", { type: "error", code: known, message: `mailbox: ${message}` });
        },
      });
    const welcome = await welcomed;
    return (welcome.type === "system" ? welcome.rooms : undefined) ?? [];
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

  async #joined(room: string, options: object): Promise<Pick<SystemEvent, "next" | "gap">> {
    const answer = await this.#call("join", { type: "join", room, ...options }, room);
    return answer.type === "system" ? answer : {};
  }

  async #call(kind: CallKind, frame: Readonly<Record<string, unknown>>, room?: string): Promise<Event> {
    this.#checkWelcomed();
    return this.#ask(kind, frame, room);
  }

  async #ask(kind: CallKind, frame: Readonly<Record<string, unknown>>, room?: string): Promise<Event> {
    this.#send(frame);
    return this.#calls.wait(kind, (event) => answerTo(kind, room, event), this.#options.answerTimeoutMs);
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
        message: `the server sent something that is not a PAN event: ${reading.problem}`,
      });
      return;
    }
    const { event } = reading;
    if (event.type === "chat") {
      this.#rooms.heard(event.to, event);
      this.emit("chat", event);
    } else if (event.type === "error") {
      if (!refuseCall(this.#calls, event)) this.emit("refused", event);
    } else {
      if (event.type === "system" && event.status === "joined") this.#rooms.answered(event.room ?? "", event);
      if (!answerCall(this.#calls, event) && event.type === "system") this.#tell(event);
    }
  }

  #tell(event: SystemEvent): void {
    const { status, messageIds, state, message, reason, until } = event;
    if (status !== "delivery" || messageIds === undefined || state === undefined) this.emit("system", event);
    else {
      const why = { ...(reason !== undefined && { reason }), ...(until !== undefined && { until }) };
      this.emit("delivery", { messageIds, state, message, ...why });
    }
  }

  #lost(socket: WebSocket, code: number, reason: string): void {
    if (socket !== this.#socket) return;
    const phase = this.#phase;
    this.#socket = undefined;
    this.#ended.abort();
    if (code === displaced || (phase === "ready" && !this.#options.reconnect)) this.#phase = "closed";
    this.#calls.fail(new PanError("CLOSED", `the connection was closed: ${code} ${reason}`));
    // Before it is ready, the rejected #open decides whether to try again: one loss causes one retry.
    if (phase === "ready" && this.#phase !== "closed") this.#phase = "waiting";
    if (phase !== "connecting" || code === displaced) this.emit("close", { code, reason });
    if (phase === "ready") {
      this.#backoff.lost();
      this.#again();
    }
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

  /** Ends a connection that did not become ready, unless close() is ending it. */
  #drop(): void {
    const socket = this.#socket;
    if (this.#phase === "closed" || socket === undefined) return;
    this.#socket = undefined;
    this.#ended.abort();
    this.#calls.fail(new PanError("CLOSED", "the login failed"));
    socket.terminate();
  }
}

function answerOf({ kind, message, data }: AnswerEvent): PanAnswer {
  return { kind, message, data };
}

function opened(socket: WebSocket, url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", (error) => {
      reject(new PanError("CLOSED", connectProblem(url, error)));
    });
  });
}

import { Fault, isExpired, type Content, type Envelope, type Log, type Trust } from "../../../src/core/index.js";
import { RunningHandlers, type RequestHandler } from "./handlers.js";
import { readPayload } from "./incoming.js";
import { nameRefusal } from "./name-refusal.js";
import type { AgentOptions, Notice, Request } from "./options.js";
import type { Replays } from "./replays.js";
import { isPong, type PendingRequests, type RoundTrip } from "./requests.js";
import { UnhandledMessages } from "./unhandled.js";

/** Takes a response or an inform. */
export type NoticeHandler = (notice: Notice) => void | Promise<void>;

/** What a {@link Hearing} works with: who waits for answers, how an agent answers, and where it logs. */
export interface HearingParts {
  readonly pending: PendingRequests;
  readonly replays: Replays;
  readonly roundTrip: RoundTrip;
  /** Takes what the agent's mailbox waits for. @returns false if it does not */
  readonly ofMailbox: (envelope: Envelope) => boolean;
  readonly respond: (request: Request, content: string | Content) => Promise<void>;
  readonly tell: Log;
}

type HearingOptions = Required<Pick<AgentOptions, "answeringMax" | "inboxMax">> & Pick<AgentOptions, "hearOwn" | "log">;

/** What one agent hears: from a payload to the request that waits for it, to a handler, or to whoever iterates. */
export class Hearing {
  onRequest: RequestHandler | undefined;
  onInform: NoticeHandler | undefined;
  onResponse: NoticeHandler | undefined;
  /** The handlers that have begun and not ended. */
  readonly handlers: RunningHandlers;
  /** Messages that no handler has taken. */
  readonly unhandled: UnhandledMessages;
  readonly #name: string;
  readonly #options: HearingOptions;
  readonly #parts: HearingParts;
  /** Requests that came after their `expires_at`. */
  #late = 0;
  /** A handler was set in this turn: what comes before it has had what was kept waits behind that. */
  #isCatchingUp = false;

  /** @param name the agent that hears */
  constructor(name: string, options: HearingOptions, parts: HearingParts) {
    this.#name = name;
    this.#options = options;
    this.#parts = parts;
    this.unhandled = new UnhandledMessages(options.inboxMax, (envelope) => this.#isLate(envelope));
    this.handlers = new RunningHandlers(options.answeringMax, parts.respond, (event, fields) => {
      parts.tell("error", event, fields);
    });
  }

  /** Messages that were lost here: too many were waiting, or they were requests that came after their `expires_at`. */
  get dropped(): number {
    return this.unhandled.dropped + this.#late;
  }

  /**
   * Sets handlers. What was kept of their types comes to them, oldest first: a mailbox hands over what waits as soon as
   * the agent is there.
   */
  handle(handlers: Partial<Pick<Hearing, "onRequest" | "onInform" | "onResponse">>): void {
    Object.assign(this, handlers);
    this.#isCatchingUp = true;
    queueMicrotask(() => {
      this.#isCatchingUp = false;
      const { onRequest, onInform, onResponse } = this;
      const handlerOf = { request: onRequest, inform: onInform, response: onResponse };
      for (const envelope of this.unhandled.withdraw(({ type }) => handlerOf[type] !== undefined)) this.#give(envelope);
    });
  }

  /** Takes what anybody may have written. Whatever is in it, the next message is heard (protocols §3.17). */
  hear(topic: string, payload: Buffer, trust: Trust | undefined): void {
    try {
      this.#take(topic, payload, trust);
    } catch (thrown) {
      this.#parts.tell("error", "a message could not be taken", { cause: String(thrown) });
    }
  }

  /** Gives a message to the request that waits for it. @returns false if none does */
  isAwaited(envelope: Envelope): boolean {
    return this.#parts.pending.take(envelope);
  }

  #take(topic: string, payload: Buffer, trust: Trust | undefined): void {
    const { replays, roundTrip, ofMailbox, tell } = this.#parts;
    const reading = readPayload(payload, this.#name, topic, trust);
    if ("problem" in reading) {
      tell("warn", "a message could not be read", { problem: reading.problem });
      return;
    }
    const { envelope } = reading;
    const refusal = nameRefusal(envelope, this.#name);
    if (refusal !== undefined && roundTrip.refuse(refusal)) return;
    const isAwaited = this.isAwaited(envelope) || replays.take(topic, envelope) || ofMailbox(envelope);
    // Before anything else is heard: the past follows right behind.
    if (isAwaited || topic === this.#name) replays.answered(envelope);
    if (isPong(envelope) && envelope.to === this.#name) return;
    if (envelope.from === this.#name && this.#options.hearOwn !== true) return;
    if (envelope.type === "request") {
      if (!this.#isLate(envelope)) this.#give(envelope);
      return;
    }
    tell("info", `${envelope.type} received`, {
      from: envelope.from,
      id: envelope.message_id,
      re: envelope.in_reply_to,
    });
    if (!isAwaited) this.#give(envelope);
  }

  /** Gives a message to its handler, or keeps it. */
  #give(envelope: Envelope): void {
    if (envelope.type === "request") {
      const request: Request = { ...envelope, type: "request" };
      if (this.onRequest !== undefined && !this.#isCatchingUp) this.handlers.answer(request, this.onRequest);
      else if (!this.#keep(request))
        this.handlers.refuse(
          request,
          new Fault("full", `${this.#name} has as many messages waiting as it can; try again later`),
        );
      return;
    }
    const notice: Notice = { ...envelope, type: envelope.type === "response" ? "response" : "inform" };
    const handler = notice.type === "response" ? this.onResponse : this.onInform;
    if (handler === undefined || this.#isCatchingUp || this.handlers.isFull) this.#keep(notice);
    else this.handlers.run(() => handler(notice));
  }

  /**
   * True for a request that was to be delivered until a time that is over (`expires_at`): it is counted, and not
   * carried out. One whose asker waits no longer (`wait_ms`) is carried out: a late answer is heard, too.
   */
  #isLate(envelope: Envelope): boolean {
    const { type, from, message_id: id } = envelope;
    if (type !== "request" || !isExpired(envelope, Date.now())) return false;
    this.#late += 1;
    this.#parts.tell("warn", "a request came after its expires_at, dropped", { from, id, dropped: this.dropped });
    return true;
  }

  /** @returns false if too many messages wait already */
  #keep(envelope: Envelope): boolean {
    if (this.unhandled.put(envelope)) return true;
    const { dropped } = this.unhandled;
    if (this.#options.log !== undefined)
      this.#parts.tell("warn", "too many messages wait, message dropped", { id: envelope.message_id, dropped });
    else if (dropped === 1)
      process.emitWarning(
        `agent ${this.#name}: too many messages wait, and more are dropped: take them by onInform, onResponse, ` +
          "onRequest or iteration, or raise inboxMax",
      );
    return false;
  }
}

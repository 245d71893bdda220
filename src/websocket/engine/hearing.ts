import { eventsTopic, isExpired, Message, noticeBody, topicKind, type Envelope } from "../../core/index.js";
import type { Connection, Dialect, Session } from "../../dialect/index.js";
import type { BridgeContext } from "./context.js";
import type { Hearer, Renderer } from "./render.js";

/** What {@link Hearing} needs of its session. */
export interface HearingOptions<C extends { readonly type: string }, Event, State> {
  readonly context: BridgeContext;
  readonly dialect: Dialect<C, Event, State>;
  readonly renderer: Renderer<C, Event, State>;
  readonly connection: Connection;
  readonly session: Session<Event, State>;
  readonly hearer: Hearer<C, Event, State>;
  /** Takes an envelope that settles a call of the session. */
  readonly take: (envelope: Envelope) => boolean;
  /** Writes to the log that the dialect failed. */
  readonly failed: (event: string, thrown: unknown) => void;
}

/** What a session hears: from a copy of a message to a frame on its connection, or to the reason why not. */
export class Hearing<C extends { readonly type: string }, Event, State> {
  readonly #options: HearingOptions<C, Event, State>;

  constructor(options: HearingOptions<C, Event, State>) {
    this.#options = options;
  }

  /**
   * Takes one copy, or says that it is none of the session's business. Never throws: other receivers come after this
   * one.
   */
  deliver(message: Message): boolean {
    const envelope = message.envelope;
    if (envelope === undefined) return false;
    const { context, take, failed } = this.#options;
    try {
      if (take(envelope)) return true;
      if (!this.#wants(envelope, message) || !this.#maySee(envelope, message)) return false;
      this.#hear(message, envelope, false);
    } catch (thrown) {
      failed("cannot tell a message", thrown);
      context.ledger.drop("unrenderable", 1, false);
    }
    return true;
  }

  /** A message of a room's history, told again. */
  replay(room: string, envelope: Envelope): void {
    const message = Message.of(envelope, {
      topic: room,
      receivedAt: this.#options.context.clock.now(),
      trust: envelope.trust ?? "claimed",
      origin: undefined,
    });
    this.#hear(message, envelope, true);
  }

  /** By default nobody hears its own room and `all` messages. */
  #wants(envelope: Envelope, message: Message): boolean {
    const { dialect, session } = this.#options;
    const own = message.origin === session;
    if (dialect.wants !== undefined) return dialect.wants(envelope, session, own);
    if (!own) return true;
    const kind = topicKind(message.topic);
    return kind !== "room" && kind !== "everyone";
  }

  /** Events of invite-only rooms are for those who may know of the room. */
  #maySee(envelope: Envelope, message: Message): boolean {
    if (!message.hidden || message.topic !== eventsTopic) return true;
    const { context, session } = this.#options;
    const room = roomOf(envelope);
    return room !== undefined && context.services.directory.mayHear(session.principal, room);
  }

  #hear(message: Message, envelope: Envelope, replay: boolean): void {
    const { context, connection, renderer, hearer } = this.#options;
    if (!replay && envelope.expires_at !== undefined && isExpired(envelope, context.clock.now())) {
      context.ledger.drop("expired", 1, false);
      this.#tellExpired(message, envelope);
      return;
    }
    const frame = renderer.message(message, envelope, hearer, replay);
    if (frame === undefined) context.ledger.drop("unrenderable", 1, false);
    else connection.send(frame, true);
  }

  /** Whoever waits for an answer learns that the question came too late. */
  #tellExpired({ topic }: Message, { type, from, message_id }: Envelope): void {
    if (type !== "request" || topicKind(topic) !== "agent") return;
    const message = `the request had expired before it reached ${topic}`;
    this.#options.context.exchange.announce(
      from,
      noticeBody({ code: "timeout", message, inReplyTo: message_id, data: { to: topic } }),
    );
  }
}

/** The room that an event of the directory is about. */
export function roomOf({ content: { data } }: Envelope): string | undefined {
  return typeof data === "object" && data !== null && "room" in data && typeof data.room === "string"
    ? data.room
    : undefined;
}

/** The agent that an event of the directory is about. */
export function agentOf({ content: { data } }: Envelope): string | undefined {
  return typeof data === "object" && data !== null && "agent" in data && typeof data.agent === "string"
    ? data.agent
    : undefined;
}

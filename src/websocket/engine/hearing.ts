import {
  eventsTopic,
  everyone,
  Fault,
  isExpired,
  type Message,
  noticeBody,
  noticeMessage,
  noticeOf,
  topicKind,
  type Envelope,
  type FaultNotice,
  type LostCopies,
  type Pushed,
  type Router,
  type Subscriber,
} from "../../core/index.js";
import type {
  Codec,
  Connection,
  Dialect,
  DialectTypes,
  Frame,
  PreparedFrame,
  RenderMeta,
  Session,
} from "../../dialect/index.js";
import type { Past } from "../../directory/index.js";
import type { EngineContext } from "./context.js";

const hasFailed = "the broker could not put it into the words of the agent's dialect; its log says why";

/** A session as those see it who render for it. */
export interface Hearer<T extends DialectTypes> extends Session<T> {
  readonly codec: Codec<T["command"], T["event"]>;
  readonly connection: Pick<Connection, "buffered" | "offer" | "prepare" | "send">;
  readonly isOver: boolean;
  /** The name at which it is told what is for it; undefined for who has none. */
  readonly agent: string | undefined;
  /** Takes an envelope that answers a call of the session's own. */
  takesAnswer(envelope: Envelope): boolean;
  /** True while the session waits for the answer to this message as a value. */
  isCalling(messageId: string): boolean;
  /** Writes into the log that the dialect failed. */
  failed(event: string, thrown: unknown): void;
}

/**
 * What the sessions of one dialect hear: from a copy of a message to a frame on a connection, or to the reason why not.
 * A message is rendered, encoded and framed once per variant, for the first session that hears it.
 */
export class Hearing<T extends DialectTypes> {
  readonly #context: EngineContext;
  readonly #dialect: Dialect<T>;
  readonly #rawKey: string;
  /** The last variant and its key: the same string again, whose hash is known, instead of a new one per message. */
  #variant = "";
  #key: string;

  constructor(context: EngineContext, dialect: Dialect<T>) {
    this.#context = context;
    this.#dialect = dialect;
    this.#rawKey = `${dialect.name} raw`;
    this.#key = `${dialect.name}: `;
  }

  /**
   * Hands one copy to a session. Never throws: other receivers come after this one.
   * @returns false if the session is not to hear it
   */
  deliver(message: Message, session: Hearer<T>): boolean {
    const envelope = message.envelope;
    if (envelope === undefined || (message.sealed && message.raw?.dialect !== this.#dialect.name)) return false;
    try {
      if (session.takesAnswer(envelope)) return true;
      if (!this.#wants(envelope, message, session) || !this.#maySee(envelope, message, session)) return false;
      this.#hear(message, envelope, session);
    } catch (thrown) {
      session.failed("cannot tell a message", thrown);
      this.#context.ledger.drop("unrenderable", 1, false);
      message.lose("internal", hasFailed);
    }
    return true;
  }

  /** Hands over what waited for the session (protocols §9.1), at the pace of its connection. Never throws. */
  push(message: Message, session: Hearer<T>): Pushed {
    const { envelope } = message;
    if (envelope === undefined) return { unrenderable: `it is no envelope: ${message.problem ?? ""}` };
    try {
      if (session.takesAnswer(envelope)) return "taken";
      if (!this.#wants(envelope, message, session)) return { unrenderable: this.#hasNoWords };
      const stranger = this.#stranger(envelope, session);
      if (stranger !== undefined) return { unrenderable: stranger };
      const frame = this.#frame(message, envelope, session, false);
      if (frame === undefined) return { unrenderable: this.#hasNoWords };
      const became = session.connection.offer(frame);
      return became === "too-large" ? { unrenderable: this.#isTooLarge(bytesOf(frame)) } : became;
    } catch (thrown) {
      if (isUnsupported(thrown)) return { unrenderable: thrown.message };
      session.failed("cannot tell a message", thrown);
      return { unrenderable: hasFailed };
    }
  }

  /** A message of a room's history as a frame for a session; undefined if its dialect has no words for it. */
  replayed(past: Past, session: Hearer<T>): Frame | PreparedFrame | undefined {
    const message = past.message();
    if (message?.envelope === undefined) return undefined;
    let frame: Frame | PreparedFrame | undefined;
    try {
      frame = this.#frame(message, message.envelope, session, true);
    } catch (thrown) {
      if (!isUnsupported(thrown)) session.failed("cannot tell a past message", thrown);
    }
    if (frame === undefined) this.#context.ledger.drop("unrenderable", 1, false);
    return frame;
  }

  /** Tells one session's client, and nobody else. */
  tell(notice: FaultNotice, session: Hearer<T>): void {
    const { ledger } = this.#context;
    const { agent } = session;
    if (agent === undefined || session.isOver) return;
    ledger.messages.accepted += 1;
    ledger.messages.routed += 1;
    this.deliver(noticeMessage(agent, notice, this.#context), session);
  }

  /** One event for many sessions, encoded once per variant. */
  broadcast(event: T["event"], sessions: Iterable<Hearer<T>>): void {
    const frames = new Map<string, PreparedFrame>();
    for (const session of sessions) {
      const { connection, codec } = session;
      const variant = this.#dialect.render.variant(session);
      let frame = variant === undefined ? undefined : frames.get(variant);
      if (frame === undefined) {
        const encoded = codec.encode(event);
        if (variant === undefined) {
          connection.send(encoded, false);
          continue;
        }
        frame = connection.prepare(encoded);
        frames.set(variant, frame);
      }
      connection.send(frame, false);
    }
  }

  /** One frame for many sessions, with one WebSocket header for all. */
  broadcastFrame(frame: Frame, sessions: Iterable<Hearer<T>>): void {
    let prepared: PreparedFrame | undefined;
    for (const { connection } of sessions) {
      prepared ??= connection.prepare(frame);
      connection.send(prepared, false);
    }
  }

  /** By default nobody hears its own room and `all` messages. */
  #wants(envelope: Envelope, message: Message, session: Hearer<T>): boolean {
    const own = message.origin === session;
    if (this.#dialect.wants !== undefined) return this.#dialect.wants(envelope, session, own);
    if (!own) return true;
    const kind = topicKind(message.topic);
    return kind !== "room" && kind !== "everyone";
  }

  /** Events of invite-only rooms, and of agents that contacts alone know, are for those who may know of them. */
  #maySee(envelope: Envelope, message: Message, { principal }: Hearer<T>): boolean {
    if (!message.hidden || message.topic !== eventsTopic) return true;
    const room = textIn(envelope, "room");
    const { directory } = this.#context.services;
    const agent = room === undefined ? textIn(envelope, "agent") : undefined;
    // Agents that are known to their contacts only come and go unseen by others.
    if (agent !== undefined) return principal !== undefined && directory.contacts.mayMeet(principal.agent, agent);
    // A room that everybody may hear is another one by now: that of the event is gone.
    return room !== undefined && !directory.mayHear(undefined, room) && directory.mayHear(principal, room);
  }

  /** Why what waited, said when the two could meet, is not for this session now; undefined if it is. */
  #stranger({ from }: Envelope, { principal }: Hearer<T>): string | undefined {
    const { contacts } = this.#context.services.directory;
    return principal === undefined ? undefined : contacts.refusal(from, principal.agent)?.message;
  }

  #hear(message: Message, envelope: Envelope, session: Hearer<T>): void {
    const { ledger, clock } = this.#context;
    if (envelope.expires_at !== undefined && isExpired(envelope, clock.now())) {
      ledger.drop("expired", 1, false);
      this.#tellExpired(message, envelope);
      return;
    }
    let why: string | undefined;
    let frame: Frame | PreparedFrame | undefined;
    try {
      frame = this.#frame(message, envelope, session, false);
    } catch (thrown) {
      if (!isUnsupported(thrown)) throw thrown;
      why = thrown.message;
    }
    if (frame === undefined) {
      ledger.drop("unrenderable", 1, false);
      message.lose("unsupported", why ?? this.#hasNoWords);
    } else if (session.connection.send(frame, true)) return;
    else this.#lose(message, session, bytesOf(frame));
    // Who waits for this answer would wait in vain.
    if (envelope.type === "response" && message.lost !== undefined && message.lost.code !== "full")
      this.#tellAsker(message.lost, envelope, session);
  }

  /** The copy was dropped and counted: its sender hears why. */
  #lose(message: Message, { connection }: Hearer<T>, bytes: number): void {
    const { wsBacklogMaxBytes } = this.#context.limits;
    if (bytes > wsBacklogMaxBytes) message.lose("too-large", this.#isTooLarge(bytes));
    else if (connection.buffered + bytes > wsBacklogMaxBytes)
      message.lose("full", "the agent does not read what is sent to it; send again when it does");
    else message.lose("unavailable", "the connection of the agent has just ended");
  }

  get #hasNoWords(): string {
    return `the dialect of the agent (${this.#dialect.title}) has no words for it`;
  }

  #isTooLarge(bytes: number): string {
    return (
      `in the words of the agent's dialect (${this.#dialect.title}) it has ${String(bytes)} bytes, and ` +
      `${String(this.#context.limits.wsBacklogMaxBytes)} are the most that wait for one agent; send less, or in parts`
    );
  }

  #tellAsker({ code, why }: LostCopies, { from, in_reply_to: inReplyTo }: Envelope, session: Hearer<T>): void {
    // The answer to a call is taken before it could be lost: this is somebody else's, and the true one may yet come.
    if (inReplyTo !== undefined && session.isCalling(inReplyTo)) return;
    const notice = noticeOf({ code, message: `the answer of ${from} did not get through: ${why}` });
    this.tell({ ...notice, inReplyTo }, session);
  }

  /** The frame for one session; undefined if the dialect has no words for the message. */
  #frame(message: Message, envelope: Envelope, session: Hearer<T>, replay: boolean): Frame | PreparedFrame | undefined {
    const { name, render } = this.#dialect;
    const raw = message.raw?.dialect === name ? message.raw.frame : undefined;
    const variant = raw === undefined ? render.variant(session, envelope) : undefined;
    if (raw === undefined && variant === undefined) {
      const event = render.event(shown(envelope, message.topic), this.#metaOf(message, replay), session);
      return event === undefined ? undefined : session.codec.encode(event);
    }
    const key = variant === undefined ? this.#rawKeyOf(session) : this.#keyOf(variant);
    const { rendered } = message;
    if (rendered !== undefined) for (const known of rendered) if (known.key === key) return known.frame;
    let frame: Frame | undefined;
    if (raw !== undefined) frame = render.raw === undefined ? raw : render.raw.frame(raw, session);
    else {
      const event = render.event(shown(envelope, message.topic), this.#metaOf(message, replay), undefined);
      if (event !== undefined) frame = session.codec.encode(event);
    }
    const prepared = frame === undefined ? undefined : session.connection.prepare(frame);
    const fresh = { key, frame: prepared };
    if (rendered === undefined) message.rendered = [fresh];
    else rendered.push(fresh);
    return prepared;
  }

  #metaOf(message: Message, replay: boolean): RenderMeta {
    const { services, clock } = this.#context;
    return { message, replay, sequence: message.sequence, services, now: clock.now() };
  }

  #rawKeyOf(session: Hearer<T>): string {
    const { raw } = this.#dialect.render;
    return raw === undefined ? this.#rawKey : `${this.#rawKey} ${raw.encoding(session)}`;
  }

  #keyOf(variant: string): string {
    if (variant !== this.#variant) {
      this.#variant = variant;
      this.#key = `${this.#dialect.name}: ${variant}`;
    }
    return this.#key;
  }

  /** The asker learns that its request came too late. */
  #tellExpired({ topic }: Message, { type, from, message_id }: Envelope): void {
    if (type !== "request" || topicKind(topic) !== "agent") return;
    const message = `the request had expired before it reached ${topic}`;
    const notice = noticeBody({ code: "timeout", message, inReplyTo: message_id, data: { to: topic } });
    this.#context.exchange.announce(from, notice);
  }
}

/** A dialect says why it cannot tell a message. */
function isUnsupported(thrown: unknown): thrown is Fault {
  return thrown instanceof Fault && thrown.code === "unsupported";
}

/** A session that is told what happens in its rooms. */
export interface RoomListener extends Subscriber {
  /** True if this is its own name, or the one that it is about to give up. */
  isNamed(agent: string): boolean;
  /** It hears `$events` itself, so nobody needs to tell it. */
  readonly hearsEvents: boolean;
}

/**
 * Hands what happens in a room (`room.joined`, `room.left` …) from `$events` to the sessions in that room, but not to
 * the session to which it happened.
 */
export class RoomEvents implements Subscriber {
  readonly #router: Router;
  readonly #isListener: (subscriber: Subscriber) => subscriber is RoomListener;

  constructor(router: Router, isListener: (subscriber: Subscriber) => subscriber is RoomListener) {
    this.#router = router;
    this.#isListener = isListener;
  }

  deliver(message: Message): boolean {
    const { envelope } = message;
    const room = envelope === undefined ? undefined : textIn(envelope, "room");
    if (envelope === undefined || room === undefined) return false;
    const agent = textIn(envelope, "agent");
    for (const reader of this.#router.route(room)?.readers ?? []) {
      if (!this.#isListener(reader) || reader.hearsEvents || (agent !== undefined && reader.isNamed(agent))) continue;
      reader.deliver(message, false);
    }
    return false;
  }
}

/** A text in the data of an event of the directory. */
function textIn({ content: { data } }: Envelope, field: "room" | "agent"): string | undefined {
  if (typeof data !== "object" || data === null || !(field in data)) return undefined;
  const value = (data as Readonly<Record<string, unknown>>)[field];
  return typeof value === "string" ? value : undefined;
}

/** A message as dialects show it: a request to a room or to `all` is nobody's to answer (protocols §3.7). */
function shown(envelope: Envelope, topic: string): Envelope {
  const isForMany = topic === everyone || topic.startsWith("#");
  return isForMany && envelope.type === "request" ? { ...envelope, type: "inform" } : envelope;
}

function bytesOf(frame: Frame | PreparedFrame): number {
  return typeof frame === "string" || Buffer.isBuffer(frame) ? Buffer.byteLength(frame) : frame.bytes.length;
}

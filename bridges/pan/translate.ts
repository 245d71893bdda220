import {
  brokerTopic,
  everyone,
  faultCodes,
  readPriority,
  receiptWords,
  shownMarks,
  type Content,
  type Draft,
  type Envelope,
  type FaultCode,
  type RenderMeta,
  type TurnIntent,
} from "#dialect";
import { codes } from "./errors.js";
import {
  deliveryStates,
  type ChatEvent,
  type Command,
  type ErrorEvent,
  type Event,
  type SystemEvent,
} from "./schema.js";

type Chat = Extract<Command, { type: "chat" }>;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A chat frame as what the core routes. Pure. Field by field, not by conditional spreads: this is the hot path. */
export function draftOf(chat: Chat): Draft & TurnIntent {
  const draft: Mutable<Draft & TurnIntent> = {
    to: chat.to,
    content: chat.data === undefined ? { message: chat.text } : { message: chat.text, data: chat.data },
  };
  if (chat.messageId !== undefined) draft.messageId = chat.messageId;
  if (chat.priority !== undefined) {
    draft.priority = readPriority(chat.priority);
    if (draft.priority !== chat.priority) draft.originalPriority = chat.priority;
  }
  if (chat.intent !== undefined) draft.intent = chat.intent;
  if (chat.replyTo !== undefined) {
    draft.replyTo = chat.replyTo;
    draft.inReplyTo = chat.replyTo;
  }
  if (chat.expiresAt !== undefined) {
    const until = new Date(chat.expiresAt).toISOString();
    // Beyond the year 9999 it never expires: nobody could read such a time.
    if (!until.startsWith("+")) draft.expiresAt = until;
  }
  if (chat.receipt === true || chat.ephemeral === true)
    draft.rare = {
      ...(chat.receipt === true && { receipt: receiptWords }),
      ...(chat.ephemeral === true && { ephemeral: true }),
    };
  return draft;
}

/** True for a room or everybody: heard by many, answered by nobody. */
export function isShared(to: string): boolean {
  return to === everyone || to.startsWith("#");
}

/** A core message as a PAN client hears it. Pure. */
export function eventOf(envelope: Envelope, meta: Pick<RenderMeta, "replay">): Event {
  const { kind } = envelope.content;
  // Only the broker tells of faults and of who comes and goes; from an agent the same words are its message.
  if (envelope.from === brokerTopic && kind === "fault") return faultOf(envelope);
  if (envelope.from === brokerTopic && (kind === "room.joined" || kind === "room.left"))
    return membershipOf(envelope, kind);
  if (envelope.from === brokerTopic && kind === "receipt") return deliveryOf(envelope);
  const event: Mutable<ChatEvent> = {
    type: "chat",
    from: envelope.from,
    fromName: envelope.from_name ?? envelope.from,
    to: envelope.to,
    text: envelope.content.message,
    timestamp: utc(envelope),
    messageId: envelope.message_id,
    intent: envelope.type,
  };
  if (envelope.in_reply_to !== undefined) event.replyTo = envelope.in_reply_to;
  const data = restOf(envelope.content);
  if (data !== undefined) event.data = data;
  if (envelope.trust !== undefined) event.trust = envelope.trust;
  if (meta.replay) event.replay = true;
  if (envelope.$broker !== undefined) Object.assign(event, shownMarks(envelope.$broker));
  return event;
}

/** What a message says beside its text: `data`, and whatever else its sender put into the content. */
function restOf(content: Content): unknown {
  // Nearly always there is nothing else, which is seen without a copy.
  for (const key in content)
    if (!usual.has(key))
      return {
        ...Object.fromEntries(Object.entries(content).filter(([name]) => !usual.has(name))),
        ...(content.data !== undefined && { data: content.data }),
      };
  return content.data;
}

const usual: ReadonlySet<string> = new Set(["message", "kind", "data"]);

function faultOf(envelope: Envelope): ErrorEvent {
  const code = field(envelope, "code");
  return {
    type: "error",
    code: isFaultCode(code) ? codes[code] : code === "loop" ? "RATE_LIMIT" : "INTERNAL",
    message: envelope.content.message,
    ...retryOf(envelope),
    ...(envelope.in_reply_to !== undefined && { messageId: envelope.in_reply_to }),
  };
}

/** When to try again, where the broker says it. */
function retryOf({ content: { data } }: Envelope): Pick<ErrorEvent, "retryAfter"> {
  const ms: unknown = typeof data === "object" && data !== null && "retry_after_ms" in data && data.retry_after_ms;
  return typeof ms === "number" ? { retryAfter: Math.ceil(ms) } : {};
}

function membershipOf(envelope: Envelope, kind: "room.joined" | "room.left"): SystemEvent {
  const room = field(envelope, "room");
  const agentId = field(envelope, "agent");
  return {
    type: "system",
    status: kind === "room.joined" ? "agent_joined" : "agent_left",
    message: envelope.content.message,
    ...(room !== undefined && { room }),
    ...(agentId !== undefined && { agentId }),
  };
}

/** What became of messages that asked for receipts (PAN §14.3). */
function deliveryOf(envelope: Envelope): SystemEvent {
  const { message, data } = envelope.content;
  const { ids, until } = (typeof data === "object" && data !== null ? data : {}) as Readonly<Record<string, unknown>>;
  const state = deliveryStates.find((known) => known === field(envelope, "state"));
  const reason = field(envelope, "reason");
  return {
    type: "system",
    status: "delivery",
    message,
    messageIds: Array.isArray(ids) ? ids.map(String) : [],
    ...(state !== undefined && { state }),
    ...(reason !== undefined && { reason }),
    ...(typeof until === "string" && { until }),
  };
}

function field(envelope: Envelope, name: string): string | undefined {
  const { data } = envelope.content;
  if (typeof data !== "object" || data === null || !Object.hasOwn(data, name)) return undefined;
  const value = (data as Readonly<Record<string, unknown>>)[name];
  return typeof value === "string" ? value : undefined;
}

function isFaultCode(code: string | undefined): code is FaultCode {
  return faultCodes.some((known) => known === code);
}

/** The sender's time in UTC; ours where the sender's cannot be relied upon. */
function utc(envelope: Envelope): string {
  if (envelope.received_at !== undefined) return envelope.received_at;
  if (envelope.timestamp.endsWith("Z") && envelope.timestamp.length === 24) return envelope.timestamp;
  const at = new Date(envelope.timestamp);
  return Number.isNaN(at.getTime()) ? envelope.timestamp : at.toISOString();
}

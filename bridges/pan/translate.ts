import { everyone, faultCodes, readPriority, type Draft, type Envelope, type FaultCode, type RenderMeta, type TurnIntent } from "#dialect";
import { codes } from "./errors.js";
import type { Command, ErrorEvent, Event, SystemEvent } from "./schema.js";

/** Who speaks for the broker itself. */
const brokerName = "$broker";

type Chat = Extract<Command, { type: "chat" }>;

/** A chat frame as what the core routes. Pure. */
export function draftOf(chat: Chat): Draft & TurnIntent {
  return {
    to: chat.to,
    content: { message: chat.text, ...(chat.data !== undefined && { data: chat.data }) },
    ...(chat.messageId !== undefined && { messageId: chat.messageId }),
    ...(chat.priority !== undefined && { priority: readPriority(chat.priority) }),
    ...(chat.intent !== undefined && { intent: chat.intent }),
    ...(chat.replyTo !== undefined && { replyTo: chat.replyTo, inReplyTo: chat.replyTo }),
  };
}

/** True for a room or everybody: heard by many, answered by nobody. */
export function isShared(to: string): boolean {
  return to === everyone || to.startsWith("#");
}

/** A core message as a PAN client hears it. Pure. */
export function eventOf(envelope: Envelope, meta: Pick<RenderMeta, "replay">): Event {
  const { kind, data } = envelope.content;
  // Only the broker tells of faults and of who comes and goes; from an agent the same words are its message.
  if (envelope.from === brokerName && kind === "fault") return faultOf(envelope);
  if (envelope.from === brokerName && (kind === "room.joined" || kind === "room.left")) return membershipOf(envelope, kind);
  return {
    type: "chat",
    from: envelope.from,
    fromName: envelope.from_name ?? envelope.from,
    to: envelope.to,
    text: envelope.content.message,
    timestamp: utc(envelope),
    messageId: envelope.message_id,
    intent: envelope.type,
    ...(envelope.in_reply_to !== undefined && { replyTo: envelope.in_reply_to }),
    ...(data !== undefined && { data }),
    ...(envelope.trust !== undefined && { trust: envelope.trust }),
    ...(meta.replay && { replay: true as const }),
  };
}

function faultOf(envelope: Envelope): ErrorEvent {
  const code = field(envelope, "code");
  return {
    type: "error",
    code: isFaultCode(code) ? codes[code] : code === "loop" ? "RATE_LIMIT" : "INTERNAL",
    message: envelope.content.message,
    ...(envelope.in_reply_to !== undefined && { messageId: envelope.in_reply_to }),
  };
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

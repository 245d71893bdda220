import {
  brokerTopic,
  everyone,
  faultCodes,
  shownMarks,
  type Envelope,
  type FaultCode,
  type RenderMeta,
} from "#dialect";
import { codes } from "./errors.js";
import { readPublicKey, verifies } from "./keys.js";
import { negotiationEventOf, type FindProposal } from "./negotiation/event.js";
import { events, type Event, type MsgEvent } from "./events.js";
import { messageText } from "./signed-text.js";

/** The broker, as it is called here. */
export const serverId = "@server";

/**
 * The signature that a message carries through the core, in `content.data`: everything that a receiver in any dialect
 * needs to verify it.
 */
export interface Signed {
  /** Base64. */
  readonly sig: string;
  /** Base64 of SPKI; absent when the sender has given none. */
  readonly pubkey?: string;
  /** `to` and `ts` as the sender signed them, with the text: `JSON.stringify({to, content, ts})`. */
  readonly to: string;
  /** Without it nobody can verify the signature. */
  readonly ts?: number;
}

/**
 * A core message as an AgentChat client hears it; undefined for what it has no words for. Pure.
 * @param find the proposals that are kept: what tells of a step of one is heard as that step
 */
export function eventOf(
  envelope: Envelope,
  meta: Pick<RenderMeta, "message" | "replay" | "now">,
  find: FindProposal,
): Event | undefined {
  const at = timeOf(envelope, meta.message.receivedAt);
  if (envelope.from === brokerTopic) {
    const { kind } = envelope.content;
    // That the loop guard has tripped refuses nothing: it is told as a message.
    if (kind === "fault" && fieldsOf(envelope.content.data)["code"] !== "loop") return faultOf(envelope, at);
    if (kind === "room.joined" || kind === "room.left") return membershipOf(envelope, kind, at);
    if (kind === "receipt") return deliveryOf(envelope, at);
    if (kind === "room.invited") return messageOf(invitationOf(envelope), at, meta.replay);
  }
  const negotiation = negotiationEventOf(envelope, find, meta.now);
  return negotiation === undefined
    ? messageOf(envelope, at, meta.replay)
    : { ...negotiation, ts: at, ...(envelope.$broker !== undefined && shownMarks(envelope.$broker)) };
}

/** The name behind `@agent-id`; what has no `@` is taken as the name itself. */
export function nameOf(agentId: string): string {
  return agentId.startsWith("@") ? agentId.slice(1) : agentId;
}

/** `@agent-id`, `#channel`, or `#all` for everybody. */
export function targetOf(to: string): string {
  if (to === everyone) return "#all";
  return to.startsWith("#") ? to : `@${to}`;
}

function messageOf(envelope: Envelope, at: number, replay: boolean): Event {
  const { from, from_name, to, content, message_id, in_reply_to } = envelope;
  const event: MsgEvent & { readonly ts: number } = {
    type: "MSG",
    from: from === brokerTopic ? serverId : `@${from}`,
    from_name: from === brokerTopic ? "server" : (from_name ?? from),
    to: targetOf(to),
    content: content.message,
    ts: at,
    msg_id: message_id,
    ...(in_reply_to !== undefined && { in_reply_to }),
    ...signatureIn(envelope),
    ...(replay && { replay: true as const }),
    ...(envelope.$broker !== undefined && shownMarks(envelope.$broker)),
  };
  return event;
}

/** What a MSG says of its signature, with the time that was signed; nothing if there is none. */
export function signatureIn(
  message: Pick<Envelope, "from" | "to" | "content">,
): Pick<MsgEvent, "sig" | "pubkey" | "verified"> & { readonly ts?: number } {
  const signed = signedOf(message);
  if (signed === undefined) return {};
  const { sig, pubkey, ts } = signed;
  return {
    sig,
    ...(pubkey !== undefined && { pubkey }),
    verified: isGenuine(message, signed),
    ...(ts !== undefined && { ts }),
  };
}

/** Looked at anew, whatever the message says of itself: its sender may have written it in another dialect. */
function isGenuine(
  { from, to, content }: Pick<Envelope, "from" | "to" | "content">,
  { sig, pubkey, to: signedTo, ts }: Signed,
): boolean {
  const key = pubkey === undefined ? undefined : readPublicKey(pubkey);
  if (ts === undefined || key?.agentId !== from || signedTo !== targetOf(to)) return false;
  return verifies(key, messageText({ to: signedTo, content: content.message, ts }), sig);
}

function signedOf({ content: { data } }: Pick<Envelope, "content">): Signed | undefined {
  const { sig, pubkey, to, ts } = fieldsOf(data);
  if (typeof sig !== "string" || typeof to !== "string") return undefined;
  return {
    sig,
    to,
    ...(typeof ts === "number" && Number.isSafeInteger(ts) && { ts }),
    ...(typeof pubkey === "string" && { pubkey }),
  };
}

function faultOf(envelope: Envelope, at: number): Event {
  const { code, retry_after_ms: retryMs } = fieldsOf(envelope.content.data);
  const known = faultCodes.find((word): word is FaultCode => word === code);
  return {
    type: "ERROR",
    ts: at,
    code: known === undefined ? "INTERNAL" : codes[known],
    message: envelope.content.message,
    ...(envelope.in_reply_to !== undefined && { ref: envelope.in_reply_to }),
    ...(typeof retryMs === "number" && { retry_after: Math.ceil(retryMs) }),
  };
}

/** What became of messages that asked for receipts (AgentChat §14.3). */
function deliveryOf(envelope: Envelope, at: number): Event | undefined {
  const { ids, state, reason, until } = fieldsOf(envelope.content.data);
  const known = events.DELIVERY.shape.state.options.find((word) => word === state);
  if (known === undefined || !Array.isArray(ids)) return undefined;
  return {
    type: "DELIVERY",
    ts: at,
    msg_ids: ids.map(String),
    state: known,
    message: envelope.content.message,
    ...(typeof reason === "string" && { reason }),
    ...(typeof until === "string" && { until: Date.parse(until) }),
  };
}

function membershipOf(envelope: Envelope, kind: "room.joined" | "room.left", at: number): Event | undefined {
  const { room, agent, displayName } = fieldsOf(envelope.content.data);
  if (typeof room !== "string" || typeof agent !== "string") return undefined;
  if (kind === "room.left") return { type: "AGENT_LEFT", ts: at, channel: room, agent: `@${agent}` };
  return {
    type: "AGENT_JOINED",
    ts: at,
    channel: room,
    agent: `@${agent}`,
    ...(typeof displayName === "string" && { name: displayName }),
  };
}

/** An invitation in AgentChat's words. */
function invitationOf(envelope: Envelope): Envelope {
  const { room, by } = fieldsOf(envelope.content.data);
  if (typeof room !== "string" || typeof by !== "string") return envelope;
  return {
    ...envelope,
    content: { ...envelope.content, message: `@${by} invites you to ${room}; JOIN it to hear and be heard there` },
  };
}

function fieldsOf(data: unknown): Readonly<Record<string, unknown>> {
  return typeof data === "object" && data !== null ? (data as Readonly<Record<string, unknown>>) : {};
}

/** Milliseconds since 1970: ours where the sender's clock cannot be relied upon. */
function timeOf({ received_at, timestamp }: Envelope, receivedAt: number): number {
  const at = Date.parse(received_at ?? timestamp);
  return Number.isNaN(at) ? receivedAt : at;
}

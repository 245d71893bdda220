import { everyone, faultCodes, type Envelope, type FaultCode, type RenderMeta } from "#dialect";
import { codes } from "./errors.js";
import { readPublicKey, verifies } from "./keys.js";
import { negotiationEventOf } from "./negotiation/event.js";
import type { Event, MsgEvent } from "./events.js";
import { messageText } from "./signed-text.js";

/** Who speaks for the broker itself, in the core and here. */
const brokerName = "$broker";
const serverId = "@server";

/** The signature that a message carries through the core, in `content.data`: everything that a receiver in any dialect needs to verify it. */
export interface Signed {
  /** Base64. */
  readonly sig: string;
  /** Base64 of SPKI; absent when the sender has given none. */
  readonly pubkey?: string;
  /** `to` and `ts` as the sender signed them, with the text: `JSON.stringify({to, content, ts})`. */
  readonly to: string;
  readonly ts: number;
}

/** A core message as an AgentChat client hears it; undefined for what it has no words for. Pure. */
export function eventOf(envelope: Envelope, meta: Pick<RenderMeta, "message" | "replay">): Event | undefined {
  const at = timeOf(envelope, meta.message.receivedAt);
  if (envelope.from === brokerName) {
    const { kind } = envelope.content;
    if (kind === "fault") return faultOf(envelope, at);
    if (kind === "room.joined" || kind === "room.left") return membershipOf(envelope, kind, at);
  }
  const negotiation = negotiationEventOf(envelope);
  return negotiation === undefined ? messageOf(envelope, at, meta.replay) : { ...negotiation, ts: at };
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
  const signed = signedOf(envelope);
  const event: MsgEvent & { readonly ts: number } = {
    type: "MSG",
    from: from === brokerName ? serverId : `@${from}`,
    from_name: from === brokerName ? "server" : (from_name ?? from),
    to: targetOf(to),
    content: content.message,
    ts: signed?.ts ?? at,
    msg_id: message_id,
    ...(in_reply_to !== undefined && { in_reply_to }),
    ...(signed !== undefined && { sig: signed.sig, ...(signed.pubkey !== undefined && { pubkey: signed.pubkey }), verified: isGenuine(envelope, signed) }),
    ...(replay && { replay: true as const }),
  };
  return event;
}

/** Looked at anew, whatever the message says of itself: its sender may have written it in another dialect. */
function isGenuine({ from, to, content }: Envelope, { sig, pubkey, to: signedTo, ts }: Signed): boolean {
  const key = pubkey === undefined ? undefined : readPublicKey(pubkey);
  if (key?.agentId !== from || signedTo !== targetOf(to)) return false;
  return verifies(key, messageText({ to: signedTo, content: content.message, ts }), sig);
}

function signedOf({ content: { data } }: Envelope): Signed | undefined {
  const { sig, pubkey, to, ts } = fieldsOf(data);
  if (typeof sig !== "string" || typeof to !== "string" || typeof ts !== "number" || !Number.isSafeInteger(ts)) return undefined;
  return { sig, to, ts, ...(typeof pubkey === "string" && { pubkey }) };
}

function faultOf(envelope: Envelope, at: number): Event {
  const { code } = fieldsOf(envelope.content.data);
  const known = faultCodes.find((word): word is FaultCode => word === code);
  return {
    type: "ERROR",
    ts: at,
    code: known !== undefined ? codes[known] : code === "loop" ? "RATE_LIMITED" : "INTERNAL",
    message: envelope.content.message,
    ...(envelope.in_reply_to !== undefined && { ref: envelope.in_reply_to }),
  };
}

function membershipOf(envelope: Envelope, kind: "room.joined" | "room.left", at: number): Event | undefined {
  const { room, agent, displayName } = fieldsOf(envelope.content.data);
  if (typeof room !== "string" || typeof agent !== "string") return undefined;
  if (kind === "room.left") return { type: "AGENT_LEFT", ts: at, channel: room, agent: `@${agent}` };
  return { type: "AGENT_JOINED", ts: at, channel: room, agent: `@${agent}`, ...(typeof displayName === "string" && { name: displayName }) };
}

function fieldsOf(data: unknown): Readonly<Record<string, unknown>> {
  return typeof data === "object" && data !== null ? (data as Readonly<Record<string, unknown>>) : {};
}

/** Milliseconds since 1970: ours where the sender's clock cannot be relied upon. */
function timeOf({ received_at, timestamp }: Envelope, receivedAt: number): number {
  const at = Date.parse(received_at ?? timestamp);
  return Number.isNaN(at) ? receivedAt : at;
}

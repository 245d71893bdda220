import { randomUUID } from "node:crypto";
import {
  brokerTopic,
  everyone,
  Fault,
  faultCodes,
  isNestedDeeper,
  jsonDepthMax,
  readEnvelope,
  readMarks,
  repairSurrogates,
  type Envelope,
  type FaultCode,
  type ListedAgent,
  type ListedRoom,
  type Reading,
  type Trust,
} from "../../../src/core/index.js";
import type { RoomCursor, RoomPast } from "./room-past.js";

/** How well a sender is proved, as the broker writes it. */
const trusts: readonly Trust[] = ["claimed", "shared", "proved"];
/** So many levels the broker's answers put around messages that they list: each may be as deep as any other. */
const answerLevels = 5;

const tooDeep = { problem: `nested deeper than ${jsonDepthMax} levels` } as const;

/**
 * Reads a payload as it arrived; nested deeper than the broker reads it is unreadable (protocols §3.17). `trust`, `replay` and `$broker` in it were written by the broker (ADR 0011), which removes them
 * from what claimed agents send: a message without `trust` comes from one of those.
 * @param self the agent that hears it
 * @param topic the topic under which it came: this is the addressee, whatever the payload says. Broadcasts and the past
 * of rooms come under the agent's own name.
 * @param trust what the broker knows of the sender, where it said so beside the payload
 */
export function readPayload(payload: Buffer, self: string, topic: string, trust: Trust | undefined): Reading {
  let json: unknown;
  let isDeep = false;
  try {
    const text = repairSurrogates(payload.toString());
    // Before it is parsed: what comes as bytes has not been counted by the broker.
    isDeep = isNestedDeeper(text, jsonDepthMax);
    if (isDeep && isNestedDeeper(text, jsonDepthMax + answerLevels)) return tooDeep;
    json = JSON.parse(text);
  } catch (thrown) {
    return { problem: String(thrown) };
  }
  const fields: Readonly<Record<string, unknown>> = typeof json === "object" && json !== null ? { ...json } : {};
  if (isDeep && fields["from"] !== brokerTopic) return tooDeep;
  const { to, replay } = fields;
  const isElsewhere = topic === self && (to === everyone || replay === true);
  const reading = readEnvelope(json, {
    topic: isElsewhere && typeof to === "string" ? to : topic,
    receivedAt: Date.now(),
    fallbackId: randomUUID(),
    trust: trust ?? trusts.find((one) => one === fields["trust"]) ?? "claimed",
    marks: readMarks(fields["$broker"]),
  });
  if ("problem" in reading) return reading;
  return replay === true ? { envelope: { ...reading.envelope, replay } } : reading;
}

/** True for an inform with which the broker reports a fault. */
export function isFaultNotice(envelope: Envelope): boolean {
  return envelope.type === "inform" && envelope.from === "$broker" && envelope.content.kind === "fault";
}

/** The fault that a message reports. */
export function faultOf(envelope: Envelope): Fault {
  const { data, message } = envelope.content;
  const fields: Readonly<Record<string, unknown>> = typeof data === "object" && data !== null ? { ...data } : {};
  const code = faultCodes.find((known): known is FaultCode => known === fields["code"]) ?? "internal";
  const retryAfterMs = fields["retry_after_ms"];
  return new Fault(code, message, { detail: fields, ...(typeof retryAfterMs === "number" && { retryAfterMs }) });
}

/** The agents of an `agents.list` answer. @throws Fault malformed */
export function listedAgents(answer: Envelope): readonly ListedAgent[] {
  return listOf(answer, "agents") as readonly ListedAgent[]; // our broker's answer
}

/** The rooms of a `rooms.list` answer. @throws Fault malformed */
export function listedRooms(answer: Envelope): readonly ListedRoom[] {
  return listOf(answer, "rooms") as readonly ListedRoom[]; // our broker's answer
}

/** The names in a `room.join` or `room.members` answer. @throws Fault malformed */
export function listedMembers(answer: Envelope): readonly string[] {
  return listOf(answer, "members") as readonly string[]; // our broker's answer
}

/** How many messages follow a `room.history` answer. An answer that does not say it promises none. */
export function listedCount(answer: Envelope): number {
  const count = fieldOf(answer, "count");
  return typeof count === "number" ? count : 0;
}

/** Where what follows a `room.history` answer ends. */
export function listedPlace(answer: Envelope): Omit<RoomPast, "messages"> {
  const next = fieldOf(answer, "next") as RoomCursor | undefined; // our broker's answer
  return { next, gap: fieldOf(answer, "gap") === true, more: fieldOf(answer, "more") === true };
}

function listOf(answer: Envelope, key: string): readonly unknown[] {
  const list = fieldOf(answer, key);
  if (!Array.isArray(list)) throw new Fault("malformed", `the broker's answer has no ${key}`);
  return list;
}

function fieldOf({ content: { data } }: Envelope, key: string): unknown {
  return typeof data === "object" && data !== null
    ? Object.entries(data).find(([name]) => name === key)?.[1]
    : undefined;
}

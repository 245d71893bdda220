import { randomUUID } from "node:crypto";
import {
  everyone,
  Fault,
  faultCodes,
  readEnvelope,
  type Envelope,
  type FaultCode,
  type ListedAgent,
  type ListedRoom,
  type Reading,
  type Trust,
} from "../../../src/core/index.js";

const trusts: readonly Trust[] = ["claimed", "shared", "proved"];

/** How a payload came. */
export interface Way {
  /** The agent that hears it. */
  readonly name: string;
  /**
   * The topic under which it came: the addressee, whatever the payload says. A broadcast comes under the agent's own
   * name.
   */
  readonly topic: string;
  /** What the broker knows of the sender, where it said so beside the payload. */
  readonly trust: Trust | undefined;
}

/**
 * A payload as it arrived. `trust` and `replay` are the broker's word (ADR 0011): it takes them out of what claimed
 * agents send, so that a message without `trust` is of
 * one of those.
 */
export function readPayload(payload: Buffer, { name, topic, trust }: Way): Reading {
  let json: unknown;
  try {
    json = JSON.parse(payload.toString());
  } catch (thrown) {
    return { problem: String(thrown) };
  }
  const fields: Readonly<Record<string, unknown>> = typeof json === "object" && json !== null ? { ...json } : {};
  const { to, replay } = fields;
  const reading = readEnvelope(json, {
    topic: topic === name && to === everyone ? everyone : topic,
    receivedAt: Date.now(),
    fallbackId: randomUUID(),
    trust: trust ?? trusts.find((one) => one === fields["trust"]) ?? "claimed",
  });
  if ("problem" in reading) return reading;
  return replay === true ? { envelope: { ...reading.envelope, replay } } : reading;
}

/** True for an inform by which the broker tells a fault. */
export function isFaultNotice(envelope: Envelope): boolean {
  return envelope.type === "inform" && envelope.from === "$broker" && envelope.content.kind === "fault";
}

/** The fault that a notice tells. */
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

function listOf(answer: Envelope, key: string): readonly unknown[] {
  const { data } = answer.content;
  const list: unknown =
    typeof data === "object" && data !== null ? Object.entries(data).find(([name]) => name === key)?.[1] : undefined;
  if (!Array.isArray(list)) throw new Fault("malformed", `the broker's answer has no ${key}`);
  return list;
}

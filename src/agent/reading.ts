import { randomUUID } from "node:crypto";
import { everyone, Fault, readEnvelope, type Envelope, type ListedAgent, type ListedRoom, type Reading, type Trust } from "../core/index.js";

/** How a payload came. */
export interface Way {
  /** The agent that hears it. */
  readonly name: string;
  /** The topic under which it came: the addressee, whatever the payload says. A broadcast comes under the agent's own name. */
  readonly topic: string;
  /** What the broker knows of the sender, where it said so beside the payload. */
  readonly trust: Trust | undefined;
}

/**
 * A payload as it arrived. `trust` is the broker's word or absent: what a payload says of its own sender may be made up, as payloads pass the broker as bytes, and
 * only the broker speaks as `$…`. `replay` is kept; between two claimed agents it is the sender's word.
 */
export function readPayload(payload: Buffer, { name, topic, trust }: Way): Reading {
  let json: unknown;
  try {
    json = JSON.parse(payload.toString());
  } catch (thrown) {
    return { problem: String(thrown) };
  }
  const fields: Readonly<Record<string, unknown>> = typeof json === "object" && json !== null ? { ...json } : {};
  const { from, to, replay } = fields;
  const known = trust ?? (typeof from === "string" && from.startsWith("$") ? "proved" : undefined);
  const reading = readEnvelope(json, {
    topic: topic === name && to === everyone ? everyone : topic,
    receivedAt: Date.now(),
    fallbackId: randomUUID(),
    trust: known ?? "claimed",
  });
  if ("problem" in reading) return reading;
  const { trust: read, ...envelope } = reading.envelope;
  return { envelope: { ...envelope, ...(known !== undefined && read !== undefined && { trust: read }), ...(replay === true && { replay }) } };
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
  const list: unknown = typeof data === "object" && data !== null ? Object.entries(data).find(([name]) => name === key)?.[1] : undefined;
  if (!Array.isArray(list)) throw new Fault("malformed", `the broker's answer has no ${key}`);
  return list;
}

import { randomUUID } from "node:crypto";
import { Fault, readEnvelope, type Envelope, type ListedAgent, type ListedRoom, type Reading } from "../core/index.js";

/** A payload as it arrived at `name`. The broker's own marks – `trust`, `replay` – are kept; between two claimed ZeroMQ agents they are the sender's word. */
export function readPayload(payload: Buffer, name: string): Reading {
  let json: unknown;
  try {
    json = JSON.parse(payload.toString());
  } catch (thrown) {
    return { problem: String(thrown) };
  }
  const fields: Readonly<Record<string, unknown>> = typeof json === "object" && json !== null ? { ...json } : {};
  const { to, trust, replay } = fields;
  const reading = readEnvelope(json, {
    topic: typeof to === "string" ? to : name,
    receivedAt: Date.now(),
    fallbackId: randomUUID(),
    trust: trust === "proved" || trust === "shared" ? trust : "claimed",
  });
  return "envelope" in reading && replay === true ? { envelope: { ...reading.envelope, replay } } : reading;
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

import { z } from "zod";
import { foldKey, isBrokerKey } from "./broker-keys.js";
import {
  displayName,
  envelopeIdMax,
  messageTypes,
  type Content,
  type Envelope,
  type Priority,
  type RareFields,
} from "./envelope.js";
import { isEmpty, type Marks } from "./marks.js";
import { isMoment } from "./moment.js";
import type { Trust } from "./principal.js";
import { idText, isRare, readRare, wireRare } from "./rare-fields.js";
import { shapeProblem } from "./shape-problem.js";
import { readSoftly, type SoftFields } from "./soft-fields.js";
import { agentNameMaxBytes } from "./topic.js";

const priorities: Readonly<Record<string, Priority>> = { LOW: "LOW", NORMAL: "NORMAL", HIGH: "HIGH", CRITICAL: "HIGH" };

/** The fields that are read of every message. */
const wire = z.looseObject({
  message_id: idText.optional(),
  timestamp: idText.optional(),
  from: z.string().min(1).max(agentNameMaxBytes),
  to: z.unknown().optional(),
  type: z
    .string()
    .meta({ pattern: "^(?:[Rr][Ee][Qq][Uu][Ee][Ss][Tt]|[Rr][Ee][Ss][Pp][Oo][Nn][Ss][Ee]|[Ii][Nn][Ff][Oo][Rr][Mm])$" })
    .transform((word) => word.toLowerCase())
    .pipe(z.enum(messageTypes)),
  priority: z.unknown().optional(),
  content: z.unknown().optional(),
  in_reply_to: idText.nullish(),
  conversation_id: idText.nullish(),
  expires_at: z.string().max(envelopeIdMax).refine(isMoment, "must be a time with its zone").nullish(),
  from_name: displayName.nullish(),
  hops: z.int().min(0).max(255).nullish(),
});

/**
 * What the broker takes as an envelope on ZeroMQ as it stands: more than `writtenEnvelope`, which says what it writes
 * itself. What makes no sense in a field that a message can do without is left out: see `readEnvelope`.
 */
export const wireEnvelope = wire.extend(wireRare);

/** What a message can do without (protocols §3.18). */
const soft: SoftFields = {
  message_id: "id",
  timestamp: "id",
  in_reply_to: "id",
  conversation_id: "id",
  expires_at: "hint",
  from_name: "hint",
  hops: "hint",
};

const known: ReadonlySet<string> = new Set([
  "message_id",
  "timestamp",
  "from",
  "to",
  "type",
  "priority",
  "content",
  "in_reply_to",
  "conversation_id",
  "expires_at",
  "from_name",
  "hops",
  "trust",
  "received_at",
  "replay",
]);

/** What is not in the payload. */
export interface ReadContext {
  /** The first ZeroMQ frame. It is the addressee, not the payload's `to`. */
  readonly topic: string;
  /** Wall clock at receipt, milliseconds. */
  readonly receivedAt: number;
  /** Used if the sender gave no `message_id`. */
  readonly fallbackId: string;
  readonly trust: Trust;
  /** The broker's own, of a message that it has kept. */
  readonly marks?: Marks | undefined;
}

/**
 * The result of reading a payload: an envelope, or why it is not one. `marked`: it held a key that only the broker
 * writes, which is left out. `value`: the JSON that is no envelope.
 */
export type Reading =
  { readonly envelope: Envelope; readonly marked?: boolean } | { readonly problem: string; readonly value?: unknown };

const dayMs = 86_400_000;

/**
 * A foreign agent's payload as an envelope, read leniently: only `from` and `type` must be right (ZeroMQ §1.4), and what
 * makes no sense in another field is left out (protocols §3.18).
 */
export function readEnvelope(value: unknown, context: ReadContext): Reading {
  const parsed = readSoftly(wire, value, soft);
  if (!parsed.success) return { problem: describe(parsed.error, value) };
  const read = parsed.data;
  const received = new Date(context.receivedAt).toISOString();
  const timestamp = read.timestamp ?? received;
  const other: Record<string, unknown> = {};
  let rare: Record<string, unknown> | undefined;
  let marked = false;
  for (const key of Object.keys(read)) {
    if (isBrokerKey(key)) marked = true;
    else if (!known.has(key)) {
      if (isRare(key)) readRare(key, read[key], (rare ??= {}), other);
      else other[key] = read[key];
    }
    if (key !== "from" && key.length === 4 && foldKey(key) === "from")
      return { problem: `from stands twice: as from and as ${key}` };
  }
  const priority = readPriority(read.priority);
  if (typeof read.priority === "string" && priority !== read.priority) other["original_priority"] = read.priority;
  return {
    envelope: {
      message_id: read.message_id ?? context.fallbackId,
      timestamp,
      from: read.from,
      to: context.topic,
      type: read.type,
      priority,
      content: readContent(read.content),
      ...(read.in_reply_to != null && { in_reply_to: read.in_reply_to }),
      ...(read.conversation_id != null && { conversation_id: read.conversation_id }),
      ...(read.expires_at != null && { expires_at: read.expires_at }),
      ...(read.from_name != null && { from_name: read.from_name }),
      ...(read.hops != null && { hops: read.hops }),
      ...(rare as RareFields | undefined), // read just now
      trust: context.trust,
      ...(isReliableTime(timestamp, context.receivedAt) ? {} : { received_at: received }),
      ...(context.marks !== undefined && !isEmpty(context.marks) && { $broker: context.marks }),
      ...(Object.keys(other).length > 0 && { other }),
    },
    ...(marked && { marked }),
  };
}

/** A foreign priority as one of ours: `critical` is HIGH, unknown words are NORMAL. */
export function readPriority(word: unknown): Priority {
  const upper = typeof word === "string" ? word.toUpperCase() : "";
  return Object.hasOwn(priorities, upper) ? (priorities[upper] ?? "NORMAL") : "NORMAL";
}

function readContent(value: unknown): Content {
  if (typeof value === "string") return { message: value };
  if (value === undefined || value === null) return { message: "" };
  if (typeof value !== "object" || Array.isArray(value)) return { message: JSON.stringify(value), data: value };
  const content = value as Readonly<Record<string, unknown>>; // an object, just checked
  const message = content["message"];
  const kind = content["kind"];
  const readable = typeof message === "string" ? message : JSON.stringify(message ?? content);
  if (kind !== undefined && typeof kind !== "string")
    return { ...content, kind: JSON.stringify(kind), message: readable };
  return { ...content, message: readable };
}

/** True for a sender's time that needs none of ours beside it: it has its zone and is less than a day off. */
export function isReliableTime(timestamp: string, receivedAt: number): boolean {
  return isMoment(timestamp) && Math.abs(Date.parse(timestamp) - receivedAt) <= dayMs;
}

function describe(error: z.ZodError, value: unknown): string {
  const { path, problem } = shapeProblem(error, value);
  return path === "" ? "the payload is no JSON object" : `${path}: ${problem}`;
}

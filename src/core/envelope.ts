import { z } from "zod";
import { foldKey, isBrokerKey } from "./broker-keys.js";
import type { Trust } from "./principal.js";
import { shapeProblem } from "./shape-problem.js";
import { readSoftly, type SoftFields } from "./soft-fields.js";
import { repairSurrogates } from "./surrogates.js";
import { agentNameMaxBytes } from "./topic.js";

/**
 * A name for people, which never routes: up to 128 characters without control characters such as line feeds and
 * terminal escapes.
 */
export const displayName = z
  .string()
  .max(128)
  .regex(/^[^\u0000-\u001f\u007f-\u009f]*$/, "no control characters");

/** What an agent means by a message (ZeroMQ §2). */
export const messageTypes = ["request", "response", "inform"] as const;

/** One of {@link messageTypes}. */
export type MessageType = (typeof messageTypes)[number];

/** How urgent a message is; it never changes the order of messages (ZeroMQ §2). */
export type Priority = "LOW" | "NORMAL" | "HIGH";

/** What a message says. `message` is always text; `kind` names what `data` holds, `chat` when absent. */
export interface Content {
  readonly message: string;
  readonly kind?: string;
  readonly data?: unknown;
  readonly [other: string]: unknown;
}

/** The core's message: the payload of ZeroMQ §1.2, field names as on the wire. */
export interface Envelope {
  readonly message_id: string;
  /** ISO 8601, as the sender wrote it. */
  readonly timestamp: string;
  readonly from: string;
  /** The topic it was published to: an agent, `#room`, `all`, `$broker`. */
  readonly to: string;
  readonly type: MessageType;
  readonly priority: Priority;
  readonly content: Content;
  /** `message_id` of the request this answers, or of what this is about. */
  readonly in_reply_to?: string;
  readonly conversation_id?: string;
  /** ISO 8601; not delivered after it. */
  readonly expires_at?: string;
  readonly from_name?: string;
  readonly hops?: number;
  /** Set by the broker only. */
  readonly trust?: Trust;
  /** The broker's receive time, ISO 8601, if `timestamp` is no ISO 8601 with its zone, or is a day off. */
  readonly received_at?: string;
  /** A message of a room's history, sent again because it was asked for. */
  readonly replay?: boolean;
  /** Top-level keys that the broker does not know, kept as they came. */
  readonly other?: Readonly<Record<string, unknown>>;
}

const priorities: Readonly<Record<string, Priority>> = { LOW: "LOW", NORMAL: "NORMAL", HIGH: "HIGH", CRITICAL: "HIGH" };
/** Longest id of a message or conversation, in characters. Strangers choose ids, and the broker keeps some. */
export const envelopeIdMax = 256;
const text = z.union([z.string().min(1).max(envelopeIdMax), z.number().transform(String)]);
const moment =
  /^((?!0000)\d{4}-\d\d-)(\d\d)[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:[zZ]|[+-](?:[01]\d|2[0-3]):?[0-5]\d)$/;

/**
 * What the broker takes as an envelope on ZeroMQ as it stands: more than `writtenEnvelope`, which says what it writes
 * itself. What makes no sense in a field that a message can do without is left out: see `readEnvelope`.
 */
export const wireEnvelope = z.looseObject({
  message_id: text.optional(),
  timestamp: text.optional(),
  from: z.string().min(1).max(agentNameMaxBytes),
  to: z.unknown().optional(),
  type: z
    .string()
    .meta({ pattern: "^(?:[Rr][Ee][Qq][Uu][Ee][Ss][Tt]|[Rr][Ee][Ss][Pp][Oo][Nn][Ss][Ee]|[Ii][Nn][Ff][Oo][Rr][Mm])$" })
    .transform((word) => word.toLowerCase())
    .pipe(z.enum(messageTypes)),
  priority: z.unknown().optional(),
  content: z.unknown().optional(),
  in_reply_to: text.nullish(),
  conversation_id: text.nullish(),
  expires_at: z.string().max(envelopeIdMax).refine(isMoment, "must be a time with its zone").nullish(),
  from_name: displayName.nullish(),
  hops: z.int().min(0).max(255).nullish(),
});

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
  const parsed = readSoftly(wireEnvelope, value, soft);
  if (!parsed.success) return { problem: describe(parsed.error, value) };
  const wire = parsed.data;
  const received = new Date(context.receivedAt).toISOString();
  const timestamp = wire.timestamp ?? received;
  const other: Record<string, unknown> = {};
  let marked = false;
  for (const key of Object.keys(wire)) {
    if (isBrokerKey(key)) marked = true;
    else if (!known.has(key)) other[key] = wire[key];
    if (key !== "from" && key.length === 4 && foldKey(key) === "from")
      return { problem: `from stands twice: as from and as ${key}` };
  }
  const priority = readPriority(wire.priority);
  if (typeof wire.priority === "string" && priority !== wire.priority) other["original_priority"] = wire.priority;
  return {
    envelope: {
      message_id: wire.message_id ?? context.fallbackId,
      timestamp,
      from: wire.from,
      to: context.topic,
      type: wire.type,
      priority,
      content: readContent(wire.content),
      ...(wire.in_reply_to != null && { in_reply_to: wire.in_reply_to }),
      ...(wire.conversation_id != null && { conversation_id: wire.conversation_id }),
      ...(wire.expires_at != null && { expires_at: wire.expires_at }),
      ...(wire.from_name != null && { from_name: wire.from_name }),
      ...(wire.hops != null && { hops: wire.hops }),
      trust: context.trust,
      ...(reliable(timestamp, context.receivedAt) ? {} : { received_at: received }),
      ...(Object.keys(other).length > 0 && { other }),
    },
    ...(marked && { marked }),
  };
}

/** The envelope as the JSON text that goes out on ZeroMQ, keys in the order of ZeroMQ §1.2. */
export function writeEnvelope(envelope: Envelope): string {
  const { other, ...fields } = envelope;
  return repairSurrogates(JSON.stringify(other === undefined ? fields : { ...other, ...fields }));
}

/** True once `expires_at` has passed; false if it is absent or not a time. */
export function isExpired(envelope: Envelope, nowMs: number): boolean {
  if (envelope.expires_at === undefined) return false;
  const at = Date.parse(envelope.expires_at);
  return at <= nowMs;
}

/** True for a response that does not say what it answers: the key is missing, `null` or empty (protocols §3.2). */
export function isUnreferenced({ type, in_reply_to: inReplyTo }: Pick<Envelope, "type" | "in_reply_to">): boolean {
  return type === "response" && (inReplyTo === undefined || inReplyTo === "");
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

/** True for an ISO 8601 time with its zone: without one nobody knows when it is. The 31st of February is none. */
function isMoment(text: string): boolean {
  const [, month, day] = moment.exec(text) ?? [];
  return day !== undefined && new Date(`${month}${day}`).getUTCDate() === Number(day);
}

function reliable(timestamp: string, receivedAt: number): boolean {
  return isMoment(timestamp) && Math.abs(Date.parse(timestamp) - receivedAt) <= dayMs;
}

function describe(error: z.ZodError, value: unknown): string {
  const { path, problem } = shapeProblem(error, value);
  return path === "" ? "the payload is no JSON object" : `${path}: ${problem}`;
}

/** ISO 8601 with its zone, as the broker and its SDKs write it. */
export const writtenTime = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/)
  .describe("ISO 8601 with its zone");

/** How well a speaker's name is proved. */
export const writtenTrust = z.enum(["claimed", "shared", "proved"]);

/**
 * The fields of an envelope as the broker and its SDKs write them. It is stricter than `wireEnvelope`, so that every
 * reader can rely on it.
 */
export const writtenEnvelope = z.strictObject({
  message_id: z.string().min(1).max(envelopeIdMax),
  timestamp: writtenTime,
  from: z.string().min(1).describe("the sender's name"),
  to: z.string().min(1).describe("an agent's name, #room, all, $broker; the same as the first ZeroMQ frame"),
  type: z.enum(messageTypes).describe("a request asks for one response; responses and informs are never answered"),
  priority: z.enum(["LOW", "NORMAL", "HIGH"]),
  content: z.looseObject({
    message: z.string().describe("always text that a person or a model can read"),
    kind: z.string().describe("names what data holds; absent: chat").exactOptional(),
    data: z.unknown().exactOptional(),
  }),
  in_reply_to: z.string().max(envelopeIdMax).describe("message_id of what this answers, or is about").exactOptional(),
  conversation_id: z.string().max(envelopeIdMax).exactOptional(),
  expires_at: writtenTime.describe("not delivered after it; ISO 8601 with its zone").exactOptional(),
  from_name: displayName.describe("for people; never an address").exactOptional(),
  hops: z.int().min(0).max(255).exactOptional(),
  trust: writtenTrust.describe("set by the broker only: how well the sender's name is proved").exactOptional(),
  received_at: writtenTime
    .describe("set by the broker only, where timestamp is no ISO 8601 with its zone, or is a day off")
    .exactOptional(),
  replay: z
    .boolean()
    .describe("set by the broker only: a room's past message, sent again because it was asked for")
    .exactOptional(),
}) satisfies z.ZodType<Omit<Envelope, "other">>;

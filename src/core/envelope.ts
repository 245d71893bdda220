import { z } from "zod";
import type { Marks } from "./marks.js";
import type { Trust } from "./principal.js";

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

/** What a sender can ask to be told about a message to a mailbox. */
export const receiptWords = ["stored", "settled"] as const;

/** One of {@link receiptWords}. */
export type ReceiptWord = (typeof receiptWords)[number];

/** What few messages say. */
export interface RareFields {
  /** How long the sender of a request waits for the answer, milliseconds from receipt. */
  readonly wait_ms?: number;
  readonly receipt?: readonly ReceiptWord[];
  /** It goes into no mailbox. */
  readonly ephemeral?: true;
  /** Forms of answer that the sender understands beside the plain one. */
  readonly accepts?: readonly string[];
  /** `message_id` of what caused this. */
  readonly parent?: string;
  /** W3C Trace Context, which the broker passes on as it came. */
  readonly traceparent?: string;
  readonly tracestate?: string;
}

/** The core's message: the payload of ZeroMQ §1.2, field names as on the wire. */
export interface Envelope extends RareFields {
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
  /** Set by the broker only. */
  readonly $broker?: Marks;
  /** Top-level keys that the broker does not know, kept as they came. */
  readonly other?: Readonly<Record<string, unknown>>;
}

/** Longest id of a message or conversation, in characters. Strangers choose ids, and the broker keeps some. */
export const envelopeIdMax = 256;

/** True once `expires_at` has passed; false if it is absent or not a time. */
export function isExpired(envelope: Envelope, nowMs: number): boolean {
  if (envelope.expires_at === undefined) return false;
  const at = Date.parse(envelope.expires_at);
  return at <= nowMs;
}

/**
 * How long the sender of a request waits, milliseconds from its receipt: its `wait_ms`, else what is left to its
 * `expires_at`; undefined if it says neither (protocols §3.3).
 */
export function patienceMs(
  { wait_ms: waitMs, expires_at: expiresAt }: Pick<Envelope, "wait_ms" | "expires_at">,
  nowMs: number,
): number | undefined {
  if (waitMs !== undefined) return waitMs;
  const leftMs = expiresAt === undefined ? NaN : Date.parse(expiresAt) - nowMs;
  return Number.isNaN(leftMs) ? undefined : Math.max(leftMs, 0);
}

/** True for a response that does not say what it answers: the key is missing, `null` or empty (protocols §3.2). */
export function isUnreferenced({ type, in_reply_to: inReplyTo }: Pick<Envelope, "type" | "in_reply_to">): boolean {
  return type === "response" && (inReplyTo === undefined || inReplyTo === "");
}

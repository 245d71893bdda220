import { header, isId } from "../../../bridges/agent-network/schema.js";
import { shapeProblemText } from "../../../src/core/shape-problem.js";

/** What is known of a message beside its content (Agent Network §1.1). */
export interface Metadata {
  /** `HIGH`, `NORMAL` or `LOW`; other words pass. */
  readonly priority?: string;
  /** True: `content` is for its recipient alone. */
  readonly encrypted?: boolean;
  readonly requiresResponse?: boolean;
  readonly [more: string]: unknown;
}

/** An object of JSON. */
export type Fields = Readonly<Record<string, unknown>>;

/** A frame as it stands on the wire (Agent Network §1.1). Further fields are not kept. */
export interface NetworkFrame {
  readonly messageId: string;
  readonly conversationId: string;
  readonly senderId: string;
  readonly recipientId: string;
  readonly messageType: string;
  readonly content: Fields;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly metadata: Readonly<Metadata>;
}

/** Bytes of a frame that a client says at most, in UTF-8 (Agent Network §1.1). */
export const frameMaxBytes = 65_536;
/** Characters of a frame that is heard at most: a longer one is dropped unread (Agent Network §1.1). */
export const heardMax = 1_048_576;
/** Characters of `metadata` at most, as JSON (Agent Network §1.1). */
export const metadataMax = 4_096;

/** The name in which the broker speaks, and the conversation of what is said to it. */
export const system = "system";

/** True for an object of JSON that is no list. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A frame, or why a text is none. */
export type Parsed = { readonly frame: NetworkFrame } | { readonly problem: string };

/** Reads what came on the line. Whatever a stranger may have written: it does not throw. */
export function parseFrame(text: string): Parsed {
  if (text.length > heardMax) return { problem: `a frame of ${text.length} characters, ${heardMax} at most` };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: "a text that is no JSON" };
  }
  return readFrame(value);
}

/** The same of what is JSON already. */
export function readFrame(value: unknown): Parsed {
  if (!isFields(value)) return { problem: "a frame that is no object" };
  const read = header.safeParse(value);
  if (!read.success) return { problem: `a frame that is none: ${shapeProblemText(read.error, value)}`.slice(0, 200) };
  const { content, metadata } = value;
  if (!isFields(content)) return { problem: "a frame whose content is no object" };
  // As it came: what zod makes of it has no key `__proto__`, which the signature covers or does not.
  return { frame: { ...read.data, content, metadata: metadata as NetworkFrame["metadata"] } };
}

/** A frame as JSON, the eight fields and no other. */
export function writeFrame(frame: NetworkFrame): string {
  const { messageId, conversationId, senderId, recipientId, messageType, content, timestamp, metadata } = frame;
  return JSON.stringify({
    messageId,
    conversationId,
    senderId,
    recipientId,
    messageType,
    content,
    timestamp,
    metadata,
  });
}

/** True for a room or for everybody: what is said there is plain, and the room's (Agent Network §4.1). */
export function isForMany(recipientId: string): boolean {
  return recipientId.startsWith("#") || recipientId === "all";
}

/** Why this cannot be an id, for people; undefined if it can. */
export function idProblem(what: string, id: unknown): string | undefined {
  return isId(id) ? undefined : `${what} is a text of 1–256 characters`;
}

/** Bytes of a text in UTF-8. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    // A character beyond the BMP has two units and four bytes; half of one is written as U+FFFD, three bytes.
    if (unit >= 0xd800 && unit < 0xdc00 && isLowHalf(text.charCodeAt(at + 1))) {
      bytes += 2;
      at += 1;
    } else bytes += unit < 0x800 ? 1 : 2;
  }
  return bytes;
}

function isLowHalf(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}

import { isUtf8 } from "node:buffer";

/**
 * Topics are bytes on ZeroMQ, and texts everywhere else. Bytes that are no UTF-8 become a text that no UTF-8 holds:
 * half a surrogate pair, then a character for each byte. So two topics are equal where their bytes are.
 */
const mark = "\udfff";
const markCode = 0xdfff;

/** The topic in `bytes[start, end)`. */
export function topicOf(bytes: Buffer, start: number, end: number): string {
  return isUtf8(bytes.subarray(start, end))
    ? bytes.toString("utf8", start, end)
    : mark + bytes.toString("latin1", start, end);
}

/** True for a topic that is no text: it is nobody's name, no room, and not made of parts. */
export function isBinaryTopic(topic: string): boolean {
  return topic.charCodeAt(0) === markCode;
}

/** The bytes of a topic. */
export function topicBytes(topic: string): Buffer {
  return isBinaryTopic(topic) ? Buffer.from(topic.slice(mark.length), "latin1") : Buffer.from(topic);
}

/** A topic for people, logs and envelopes: bytes that are no text are written as `0x…`. */
export function shownTopic(topic: string): string {
  return isBinaryTopic(topic) ? `0x${topicBytes(topic).toString("hex")}` : topic;
}

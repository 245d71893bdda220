import { envelopeIdMax, Fault, isMoment, receiptWords, type Envelope } from "../../../src/core/index.js";
import { refuseUnknown } from "./known-options.js";
import type { SendOptions } from "./options.js";
import { shown } from "../shared/shown.js";

const priorities: readonly unknown[] = ["LOW", "NORMAL", "HIGH"];
const words: readonly unknown[] = receiptWords;
/** What may be said with a message: of {@link SendOptions}, how long is waited for what comes of it, and its type. */
const known: readonly string[] = [
  ...["messageId", "inReplyTo", "conversationId", "priority", "expiresAt", "expiresInMs", "receipt", "ephemeral"],
  ...["timeoutMs", "signal", "type"],
];

/**
 * What one message carries beside its content, as fields of its envelope. In JavaScript anything can be given.
 * @throws Fault malformed: a priority that is none of three words, an id that is no text of 1 to 256 characters, a time
 * that is none, a receipt of other words, an option of another name
 */
export function fieldsOf(options: SendOptions): Partial<Envelope> {
  checkNames(options);
  const { messageId, inReplyTo, conversationId, priority, receipt, ephemeral } = options;
  if (priority !== undefined && !priorities.includes(priority))
    throw new Fault("malformed", `priority is ${shown(priority)}; it is LOW, NORMAL or HIGH`);
  for (const [name, id] of Object.entries({ messageId, inReplyTo, conversationId }) as [string, unknown][])
    if (id !== undefined && (typeof id !== "string" || id === "" || id.length > envelopeIdMax))
      throw new Fault("malformed", `${name} is ${shown(id)}; give a text of 1 to ${envelopeIdMax} characters`);
  checkReceipt(receipt);
  if (ephemeral !== undefined && typeof ephemeral !== "boolean")
    throw new Fault("malformed", `ephemeral is ${shown(ephemeral)}; it is true or false`);
  const until = expiryOf(options);
  return {
    ...(messageId !== undefined && { message_id: messageId }),
    ...(priority !== undefined && { priority }),
    ...(inReplyTo !== undefined && { in_reply_to: inReplyTo }),
    ...(conversationId !== undefined && { conversation_id: conversationId }),
    ...(until !== undefined && { expires_at: until }),
    ...(receipt !== undefined && { receipt }),
    ...(ephemeral === true && { ephemeral }),
  };
}

/** @throws Fault malformed: an option that no message has */
export function checkNames(options: object): void {
  refuseUnknown("the message", options, known);
}

/** @throws Fault malformed: no list, or one of other words */
export function checkReceipt(receipt: unknown): void {
  if (receipt === undefined) return;
  const remedy = `give a list of the words ${receiptWords.join(", ")}`;
  if (!Array.isArray(receipt)) throw new Fault("malformed", `receipt is ${shown(receipt)}; ${remedy}`);
  for (const word of receipt)
    if (!words.includes(word)) throw new Fault("malformed", `receipt has ${shown(word)}; ${remedy}`);
}

/** Until when the message is delivered, ISO 8601; undefined if nobody says it. */
function expiryOf({ expiresAt, expiresInMs }: SendOptions): string | undefined {
  if (expiresAt !== undefined && expiresInMs !== undefined)
    throw new Fault("malformed", "expiresAt and expiresInMs say the same; give one of them");
  if (expiresInMs !== undefined) {
    if (!Number.isFinite(expiresInMs) || expiresInMs <= 0)
      throw new Fault("malformed", `expiresInMs is ${shown(expiresInMs)}; give milliseconds, more than 0`);
    return written("expiresInMs", expiresInMs, new Date(Date.now() + expiresInMs));
  }
  if (expiresAt === undefined) return undefined;
  const isTime = expiresAt instanceof Date || (typeof expiresAt === "string" && isMoment(expiresAt));
  return written("expiresAt", expiresAt, isTime ? new Date(expiresAt) : undefined);
}

function written(name: string, given: unknown, time: Date | undefined): string {
  const text = time === undefined || Number.isNaN(time.getTime()) ? "" : time.toISOString();
  if (!isMoment(text))
    throw new Fault("malformed", `${name} is ${shown(given)}; give a time with its zone, before the year 10000`);
  return text;
}

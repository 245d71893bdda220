import { contentProblem } from "./contents.js";
import { conversationIdOf } from "./conversation-id.js";
import { canonical } from "./crypto/canonical-json.js";
import { nonceBytes, tagBytes } from "./crypto/sealed.js";
import { signatureBytes } from "./crypto/key-pairs.js";
import type { NewMessage } from "./delivery/outbox-ports.js";
import { networkError } from "./error.js";
import {
  frameMaxBytes,
  idProblem,
  isFields,
  isForMany,
  metadataMax,
  system,
  utf8Length,
  writeFrame,
  type Fields,
  type Metadata,
} from "./frames.js";
import { isReserved } from "./message.js";
import type { SendOptions } from "./options.js";

/** Who says it, and what holds where nothing else is said. */
export interface Author {
  readonly agentId: string;
  readonly conversationId?: string | undefined;
  now(): number;
}

/** Digits of the biggest counter. */
const counterDigits = 16;

/**
 * A message as it is kept, from what the application says.
 * @throws NetworkError INVALID_MESSAGE_FORMAT: nothing of it is kept then
 */
export async function compose(
  author: Author,
  to: string,
  messageType: string,
  content: Fields,
  options: SendOptions,
): Promise<NewMessage> {
  checkRecipient(to);
  const isPlain = options.plain === true;
  const messageId = options.messageId ?? newId("msg");
  const conversationId = options.conversationId ?? author.conversationId ?? (await conversationOf(author.agentId, to));
  const problem =
    idProblem("messageType", messageType) ??
    idProblem("messageId", messageId) ??
    idProblem("conversationId", conversationId) ??
    recipientProblem(author.agentId, to, messageType, isPlain) ??
    typeProblem(messageType) ??
    jsonProblem("content", content) ??
    contentProblem(messageType, content);
  if (problem !== undefined) throw refusal(problem);
  const message: NewMessage = {
    messageId,
    conversationId,
    recipientId: to,
    messageType,
    content,
    timestamp: author.now(),
    metadata: metadataOf(messageType, options, isPlain),
    ...(options.expiresAt !== undefined && { expiresAt: options.expiresAt }),
  };
  checkSize(author, message, isPlain);
  return message;
}

/** The conversation of two agents, or of a room. @throws NetworkError INVALID_MESSAGE_FORMAT */
export async function conversationOf(agentId: string, to: string): Promise<string> {
  checkRecipient(to);
  return isForMany(to) ? conversationIdOf(to) : conversationIdOf(agentId, to);
}

/** An id that nobody else makes. */
export function newId(kind: string): string {
  return `${kind}_${globalThis.crypto.randomUUID()}`;
}

/** Looked at before anything is made of it. */
function checkRecipient(to: unknown): void {
  const problem = idProblem("the recipient", to);
  if (problem !== undefined) throw refusal(problem);
}

function metadataOf(messageType: string, options: SendOptions, isPlain: boolean): Metadata {
  const asks = messageType === "QUERY" || messageType === "PROPOSAL";
  const metadata = {
    ...options.metadata,
    priority: options.priority ?? "NORMAL",
    encrypted: !isPlain,
    requiresResponse: options.requiresResponse ?? asks,
  };
  const problem = jsonProblem("metadata", metadata);
  if (problem !== undefined) throw refusal(problem);
  const { length } = JSON.stringify(metadata);
  if (length > metadataMax) throw refusal(`metadata has ${length} characters, ${metadataMax} at most; say less there`);
  return metadata;
}

function recipientProblem(agentId: string, to: string, messageType: string, isPlain: boolean): string | undefined {
  if (to === agentId) return "an agent does not speak to itself";
  // The broker asks agents, too: for their votes.
  if (to === system && messageType !== "RESPONSE") return "the broker is asked by ask(kind, data)";
  if (to === system && !isPlain) return "the broker has no keys; answer it with plain: true";
  if (isForMany(to) && !isPlain)
    return `what is said to ${to} is heard by many and cannot be sealed for them; say it with plain: true`;
  return undefined;
}

function typeProblem(messageType: string): string | undefined {
  return isReserved(messageType) ? `${messageType} is said by the client itself; take another messageType` : undefined;
}

function jsonProblem(what: string, value: unknown): string | undefined {
  if (!isFields(value)) return `${what} is an object`;
  try {
    canonical(value);
    return undefined;
  } catch (thrown) {
    return `${what}: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
}

/** Agent Network §1.1: known before anything is kept, so that nothing waits that could never be said. */
function checkSize(author: Author, message: NewMessage, isPlain: boolean): void {
  const { content, messageType } = message;
  const frame = { ...message, senderId: author.agentId };
  const bytes = isPlain
    ? utf8Length(writeFrame(frame))
    : utf8Length(writeFrame({ ...frame, messageType: "ENCRYPTED", content: sealedLike(messageType, content) }));
  if (bytes > frameMaxBytes)
    throw refusal(
      `the message would have ${bytes} bytes on the line, ${frameMaxBytes} at most; say it in several, or say where it is`,
    );
}

/** As long as it will be once it is sealed (Agent Network §11). */
function sealedLike(originalType: string, data: Fields): Fields {
  const plainBytes = utf8Length(canonical({ counter: 0, data })) + counterDigits - 1;
  return {
    encryptedData: "A".repeat(base64Length(plainBytes + tagBytes)),
    nonce: "A".repeat(base64Length(nonceBytes)),
    signature: "A".repeat(base64Length(signatureBytes)),
    originalType,
  };
}

function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

function refusal(problem: string): Error {
  return networkError("INVALID_MESSAGE_FORMAT", `${problem}; nothing was sent`);
}

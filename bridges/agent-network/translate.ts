import {
  everyone,
  isControlName,
  readPriority,
  receiptWords,
  type Content,
  type DialectTypes,
  type Draft,
  type MessageType,
  type Outcome,
  type RareFields,
  type Session,
} from "#dialect";
import { isFields, isKnownType, mustBeContentOf, type Fields, type KnownType } from "./contents.js";
import { networkKind } from "./network-kind.js";
import type { Exchange, OpenExchanges } from "./open-exchanges.js";
import { readableText } from "./readable.js";
import type { Header, NetworkMessage } from "./schema.js";

/** What a plain message of Agent Network is in the core's words. */
export interface Spoken {
  readonly as: MessageType;
  /** With `inReplyTo`, where it answers something. */
  readonly draft: Draft;
  /** A request to one agent: what its answer will be known by. */
  readonly asks?: Exchange;
  /** The question that it answers. */
  readonly answers?: Exchange;
}

/** Types that only the two who encrypt can read; and nobody may say them in another's name. */
const sealedTypes: ReadonlySet<string> = new Set(["HANDSHAKE", "ENCRYPTED"]);

/** True for what leaves Agent Network for no other dialect, room or tap (Agent Network §3.2). */
export function isSealed({ messageType, metadata }: Pick<Header, "messageType" | "metadata">): boolean {
  return sealedTypes.has(messageType) || metadata.encrypted === true;
}

/** What else {@link spoken} needs to know. */
export interface SpokenWhere {
  /** Wall clock, milliseconds. */
  readonly now: number;
  /** Its addressee is not here and hears it out of a mailbox, maybe in this dialect: it is to come back as it was. */
  readonly isAway?: boolean;
}

/**
 * A plain message for an agent of another dialect, a room, or everybody (Agent Network §4.2). Changes nothing.
 * @throws Fault malformed: a field of the content that the translation needs is wrong; it is named
 */
export function spoken(message: NetworkMessage, open: OpenExchanges, { now, isAway = false }: SpokenWhere): Spoken {
  const { header } = message;
  const { messageType, recipientId: to, messageId } = header;
  const content = message.content();
  if (isKnownType(messageType)) mustBeContentOf(messageType, content);
  const as = typeOf(header);
  const isKept = isAway || (isShared(to) && messageType !== "INFORM");
  const said = contentOf(messageType, content, isKept);
  const draft = draftOf(message, said, as === "request" ? waitMs(content, header, now) : undefined);
  if (as === "inform" || isShared(to)) return { as, draft: as === "response" ? answering(draft, content) : draft };
  const id = idIn(messageType, content) ?? messageId;
  if (as === "request") {
    return { as, draft, asks: { peer: to, messageId, id, conversationId: header.conversationId } };
  }
  const answers = open.questionOf(to, id);
  if (answers === undefined) return { as, draft: answering(draft, content) };
  return { as, draft: { ...draft, inReplyTo: answers.messageId }, answers };
}

/**
 * Says a plain message of a session in the core's words. A request to one agent is tracked: its answer is heard as
 * RESPONSE, or as the ERROR TIMEOUT_ERROR.
 * @throws Fault malformed, and what `request` and `publish` throw
 */
export function speak<T extends DialectTypes>(
  session: Pick<Session<T>, "now" | "request" | "publish" | "services">,
  message: NetworkMessage,
  open: OpenExchanges,
): Outcome {
  const { recipientId: to, conversationId } = message.header;
  const isAway = !isShared(to) && !isControlName(to) && session.services.directory.agent(to) === undefined;
  const { as, draft, asks, answers } = spoken(message, open, { now: session.now(), isAway });
  // Before it is said: an agent in this process answers at once.
  const withdraw = asks === undefined ? undefined : open.asks(asks);
  let outcome: Outcome;
  try {
    outcome = as === "request" ? session.request(draft) : session.publish({ ...draft, type: as });
  } catch (thrown) {
    withdraw?.();
    throw thrown;
  }
  if (answers !== undefined) open.answered(answers);
  if (!isShared(to)) open.speaksIn(to, conversationId);
  return outcome;
}

/** What the sender means: by the document's types, else by whether it wants an answer. */
function typeOf({ messageType, metadata }: Header): MessageType {
  return isKnownType(messageType) ? meanings[messageType] : metadata.requiresResponse === true ? "request" : "inform";
}

const meanings: Readonly<Record<KnownType, MessageType>> = {
  QUERY: "request",
  RESPONSE: "response",
  PROPOSAL: "request",
  CONFIRMATION: "response",
  REJECTION: "response",
  INFORM: "inform",
};

/** An answer to what this session does not know: by the id that it names, which may be that of a message. */
function answering(draft: Draft, { requestId, proposalId }: Fields): Draft {
  const id = requestId ?? proposalId;
  return typeof id === "string" ? { ...draft, inReplyTo: id } : draft;
}

function idIn(type: string, content: Fields): string | undefined {
  if (!isKnownType(type) || type === "INFORM") return undefined;
  const id = type === "QUERY" || type === "RESPONSE" ? content["requestId"] : content["proposalId"];
  return typeof id === "string" ? id : undefined;
}

/**
 * The text, and where there is more than a text the whole content.
 * @param isKept the whole content in any case: who hears it later in this dialect hears it as it was
 */
function contentOf(type: string, content: Fields, isKept: boolean): Content {
  const words = isKept ? undefined : plainWordsIn(type, content);
  return (
    (words === undefined ? undefined : plain(words)) ?? {
      message: readableText(type, content),
      kind: networkKind.of(type),
      data: content,
    }
  );
}

/** Where a content that says nothing but a text holds it. */
function plainWordsIn(type: string, content: Fields): Fields | undefined {
  const { queryType, parameters, data, error } = content;
  if (type === "INFORM") return content;
  if (type === "QUERY" && queryType === "CUSTOM" && hasOnly(content, ["requestId", "queryType", "parameters"]))
    return isFields(parameters) ? parameters : undefined;
  if (type === "RESPONSE" && error == null && hasOnly(content, ["requestId", "data", "error"]))
    return isFields(data) ? data : undefined;
  return undefined;
}

/** A text as `translate-event.ts` writes it, with the kind and the data of the core's message beside it. */
function plain(words: Fields): Content | undefined {
  const { text, kind, data } = words;
  if (typeof text !== "string" || !hasOnly(words, ["text", "kind", "data"])) return undefined;
  if (kind !== undefined && (typeof kind !== "string" || networkKind.typeOf(kind) !== undefined)) return undefined;
  return { message: text, ...(kind !== undefined && { kind }), ...(data !== undefined && { data }) };
}

function hasOnly(fields: Fields, names: readonly string[]): boolean {
  return Object.keys(fields).every((name) => names.includes(name));
}

function draftOf({ header, raw }: NetworkMessage, content: Content, wait: number | undefined): Draft {
  const { recipientId: to, messageId, conversationId, timestamp, metadata } = header;
  const { priority: word, expiresAt } = metadata;
  const priority = readPriority(word);
  const rare: RareFields = {
    ...(wait !== undefined && { wait_ms: wait }),
    ...(metadata["receipt"] === true && { receipt: receiptWords }),
    ...(metadata["ephemeral"] === true && { ephemeral: true }),
  };
  const until = typeof expiresAt === "number" ? isoOf(expiresAt) : undefined;
  return {
    to,
    messageId,
    content,
    timestamp: isoOf(timestamp) ?? String(timestamp),
    priority,
    ...(typeof word === "string" && word !== priority && { originalPriority: word }),
    conversationId,
    ...(until !== undefined && { expiresAt: until }),
    ...(Object.keys(rare).length > 0 && { rare }),
    // What is said to many is heard by those of this dialect as it was said.
    ...(isShared(to) && { raw }),
  };
}

/** How long the answer is waited for: until a proposal expires, or as long as the sender says. */
function waitMs(content: Fields, { messageType, metadata }: Header, now: number): number | undefined {
  const { details } = content;
  const until = messageType === "PROPOSAL" && isFields(details) ? details["expiresAt"] : undefined;
  if (typeof until === "number" && Number.isSafeInteger(Math.round(until))) return Math.max(1, Math.round(until - now));
  const { waitMs: wait } = metadata;
  return typeof wait === "number" && Number.isSafeInteger(wait) && wait >= 1 ? wait : undefined;
}

/** True for a room or everybody: heard by many, answered by nobody. */
function isShared(to: string): boolean {
  return to === everyone || to.startsWith("#");
}

/** ISO 8601 in UTC; undefined for what is no time before the year 10,000. */
function isoOf(ms: number): string | undefined {
  const at = new Date(ms);
  if (Number.isNaN(at.getTime())) return undefined;
  const iso = at.toISOString();
  return iso.length === 24 ? iso : undefined;
}

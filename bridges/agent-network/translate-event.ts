import { brokerTopic, everyone, shownMarks, type Content, type Envelope, type RenderMeta } from "#dialect";
import { answerError, isContentOf, isFields, isKnownType, type Fields } from "./contents.js";
import { noticeContent } from "./errors.js";
import { conversationId } from "./conversation-id.js";
import { networkKind } from "./network-kind.js";
import type { Exchange, OpenExchanges } from "./open-exchanges.js";
import { readableText } from "./readable.js";
import type { NetworkEvent } from "./schema.js";
import { restOf, timeOf } from "./translate-metadata.js";

/** Who speaks for the broker, and its conversation. */
const system = "system";

/** Type and content of an event. */
type Words = Pick<NetworkEvent, "messageType" | "content">;

/**
 * A core message as an agent of Agent Network hears it (Agent Network §4.3).
 * @param open what the session has asked and was asked, which this brings up to date; absent for what many hear alike
 */
export function eventOf(
  envelope: Envelope,
  meta: Pick<RenderMeta, "replay"> & { readonly message: Pick<RenderMeta["message"], "receivedAt"> },
  open?: OpenExchanges,
): NetworkEvent {
  const { from, type } = envelope;
  const isBroker = from === brokerTopic;
  const answers = open === undefined || type === "request" ? undefined : questionOf(envelope, open);
  const own = isBroker ? undefined : ownWords(envelope, meta.replay ? undefined : open, answers);
  const words = own ?? (isBroker ? faultWords(envelope) : undefined) ?? plainWords(envelope, answers);
  if (answers !== undefined && type === "response") open?.answered(answers);
  const { at, told } = timeOf(envelope, meta.message.receivedAt);
  const conversation = conversationOf(envelope, { open, answers, isOwn: own !== undefined });
  return {
    messageId: envelope.message_id,
    conversationId: conversation.id,
    senderId: isBroker ? system : from,
    recipientId: recipientOf(envelope),
    ...words,
    timestamp: at,
    metadata: {
      priority: words.messageType === "ERROR" ? "HIGH" : envelope.priority,
      encrypted: false,
      requiresResponse: envelope.type === "request",
      ...told,
      ...(conversation.other !== undefined && { conversationId: conversation.other }),
      ...restOf(envelope),
      ...(saysMore(envelope.content, words) && { text: envelope.content.message }),
      ...(meta.replay && { replay: true }),
      ...(envelope.$broker !== undefined && shownMarks(envelope.$broker)),
    },
  };
}

/** The session's own question that a message is about. */
function questionOf(
  { from, in_reply_to: inReplyTo, content: { data } }: Envelope,
  open: OpenExchanges,
): Exchange | undefined {
  if (inReplyTo === undefined) return undefined;
  if (from !== brokerTopic) return open.ownQuestion(from, inReplyTo);
  // A fault tells whom it could not reach.
  const to = isFields(data) ? data["to"] : undefined;
  return typeof to === "string" ? open.ownQuestion(to, inReplyTo) : undefined;
}

/** A fault notice of the broker as ERROR (Agent Network §4.3). That a loop was seen refuses nothing. */
function faultWords({ content, in_reply_to: originalMessageId }: Envelope): Words | undefined {
  const data = isFields(content.data) ? content.data : {};
  if (content.kind !== "fault" || data["code"] === "loop") return undefined;
  return { messageType: "ERROR", content: noticeContent(content.message, data, originalMessageId) };
}

/** What was said in Agent Network, or in its words, comes back as it was; undefined if it was not, or may not. */
function ownWords(
  envelope: Envelope,
  open: OpenExchanges | undefined,
  answers: Exchange | undefined,
): Words | undefined {
  const { content, type, from, message_id: messageId, conversation_id: conversationId } = envelope;
  const { data } = content;
  if (!isFields(data)) return undefined;
  if (answers !== undefined && type === "response") return answerWords(data, answers);
  const messageType = networkKind.heardAs(content.kind);
  if (messageType === undefined || (isKnownType(messageType) && !isContentOf(messageType, data))) return undefined;
  if (isShared(envelope.to)) return { messageType, content: data };
  const fits = meaningOf(messageType);
  if (fits !== undefined && fits !== type && !(type === "inform" && fits === "response")) return undefined;
  const id = fits === undefined || fits === "inform" ? undefined : (data["requestId"] ?? data["proposalId"]);
  if (typeof id === "string") {
    // Nobody answers for another whom the session has asked.
    if (fits === "response" && open?.isForAnother(from, id) === true) return undefined;
    if (fits === "request" && id !== messageId) open?.isAsked({ peer: from, messageId, id, conversationId });
  }
  return { messageType, content: data };
}

/** The answer to a question of this session, if its data is all of a RESPONSE, CONFIRMATION or REJECTION to that. */
function answerWords(data: Fields, { id }: Exchange): Words | undefined {
  if (data["proposalId"] === id) {
    if (data["status"] === "ACCEPTED" && isContentOf("CONFIRMATION", data))
      return { messageType: "CONFIRMATION", content: data };
    if (isContentOf("REJECTION", data)) return { messageType: "REJECTION", content: data };
  }
  const isWhole = data["requestId"] === id && Object.hasOwn(data, "data") && isContentOf("RESPONSE", data);
  return isWhole
    ? { messageType: "RESPONSE", content: Object.hasOwn(data, "error") ? data : { ...data, error: null } }
    : undefined;
}

/** What a type means to the core; undefined for one that the broker does not know. */
function meaningOf(messageType: string): Envelope["type"] | undefined {
  switch (messageType) {
    case "QUERY":
    case "PROPOSAL":
      return "request";
    case "RESPONSE":
    case "CONFIRMATION":
    case "REJECTION":
      return "response";
    case "INFORM":
      return "inform";
    default:
      return undefined;
  }
}

/** Every other message (Agent Network §4.3). */
function plainWords(envelope: Envelope, answers: Exchange | undefined): Words {
  const { content, type, message_id: messageId, in_reply_to: inReplyTo } = envelope;
  if (type === "request")
    return {
      messageType: "QUERY",
      content: { requestId: messageId, queryType: "CUSTOM", parameters: textWords(content) },
    };
  if (type === "inform") {
    const about = answers === undefined ? {} : { requestId: answers.id };
    return { messageType: "INFORM", content: { ...textWords(content), ...about } };
  }
  const requestId = answers?.id ?? inReplyTo ?? "";
  const { data } = content;
  if (!isFields(data) || !answerError.safeParse(data["error"]).success)
    return { messageType: "RESPONSE", content: { requestId, data: textWords(content), error: null } };
  const { error, ...rest } = data;
  const beside = Object.keys(rest).length === 0 ? undefined : rest;
  return { messageType: "RESPONSE", content: { requestId, data: textWords({ ...content, data: beside }), error } };
}

/** The text of a message, and its kind, its data and whatever else its sender put beside them. */
function textWords({ message, kind, data, ...other }: Content): Fields {
  return {
    text: message,
    ...(kind !== undefined && { kind }),
    ...(data !== undefined && { data }),
    ...(Object.keys(other).length > 0 && { other }),
  };
}

/** True where the content does not hold the text of a message that says more than the content does. */
function saysMore({ message }: Content, { messageType, content }: Words): boolean {
  if (messageType === "ERROR") return false;
  const { data, parameters } = content;
  for (const words of [content, data, parameters]) if (isFields(words) && words["text"] === message) return false;
  return message !== readableText(messageType, content);
}

/**
 * The message's own conversation, where the session has used it with its sender, or where the message comes back as it
 * was said in Agent Network; else that of the question that it answers; else that of the two, or of the room. `other`:
 * what the message says itself.
 */
function conversationOf(
  { from, to, content, conversation_id: said }: Envelope,
  known: { readonly open: OpenExchanges | undefined; readonly answers: Exchange | undefined; readonly isOwn: boolean },
): { readonly id: string; readonly other?: string } {
  const { open, answers, isOwn } = known;
  const isBack = isOwn && networkKind.heardAs(content.kind) !== undefined;
  if (said !== undefined && (isBack || open?.hasSpokenIn(from, said) === true)) return { id: said };
  const ours = from === brokerTopic ? system : isShared(to) ? conversationId(to) : conversationId(from, to);
  const id = answers?.conversationId ?? ours;
  return { id, ...(said !== undefined && said !== id && { other: said }) };
}

function recipientOf({ to, from, content: { data } }: Envelope): string {
  if (from !== brokerTopic || !to.startsWith("$") || !isFields(data)) return to;
  const { room } = data;
  return typeof room === "string" ? room : to;
}

/** True for a room or everybody: heard by many, answered by nobody. */
function isShared(to: string): boolean {
  return to === everyone || to.startsWith("#");
}

import { brokerTopic, type Envelope, type RenderMeta } from "#dialect";
import { systemId } from "./codec.js";
import { noticeContent } from "./errors.js";
import type { OpenExchanges } from "./open-exchanges.js";
import type { NetworkEvent } from "./schema.js";

type Words = Pick<NetworkEvent, "messageType" | "content">;

/**
 * A core message as an agent of Agent Network hears it (Agent Network §4).
 * @param open what the session has asked and was asked; absent for what many hear alike
 */
export function eventOf(
  envelope: Envelope,
  meta: Pick<RenderMeta, "replay"> & { readonly message: Pick<RenderMeta["message"], "receivedAt"> },
  open?: OpenExchanges,
): NetworkEvent {
  const { from, to, type, message_id: messageId, priority } = envelope;
  const words = wordsOf(envelope);
  if (words.messageType === "QUERY") open?.isAsked(from, messageId);
  return {
    messageId,
    conversationId: systemId,
    senderId: from === brokerTopic ? systemId : from,
    recipientId: to,
    ...words,
    timestamp: meta.message.receivedAt,
    metadata: {
      priority,
      encrypted: false,
      requiresResponse: type === "request",
      ...(meta.replay && { replay: true }),
    },
  };
}

function wordsOf({ from, content, type, message_id, in_reply_to: inReplyTo }: Envelope): Words {
  const { message: text, data } = content;
  if (from === brokerTopic && content.kind === "fault") {
    const fields = typeof data === "object" && data !== null ? (data as Readonly<Record<string, unknown>>) : {};
    return { messageType: "ERROR", content: noticeContent(text, fields, inReplyTo) };
  }
  if (type === "response")
    return { messageType: "RESPONSE", content: { requestId: inReplyTo, data: { text }, error: null } };
  if (type === "inform") return { messageType: "INFORM", content: { text } };
  return { messageType: "QUERY", content: { requestId: message_id, queryType: "CUSTOM", parameters: { text } } };
}

import { readPriority, type DialectTypes, type Draft, type Outcome, type Session } from "#dialect";
import type { OpenExchanges } from "./open-exchanges.js";
import type { Header, NetworkMessage } from "./schema.js";

/** True for what leaves Agent Network for no other dialect, room or tap (Agent Network §3.2). */
export function isSealed({ messageType, metadata }: Pick<Header, "messageType" | "metadata">): boolean {
  return messageType === "HANDSHAKE" || messageType === "ENCRYPTED" || metadata.encrypted === true;
}

/**
 * Says a plain message of a session to an agent of another dialect, a room or everybody, in the core's words.
 * @throws Fault malformed, and what `request` and `publish` throw
 */
export function speak<T extends DialectTypes>(
  session: Pick<Session<T>, "now" | "request" | "publish">,
  message: NetworkMessage,
  open: OpenExchanges,
): Outcome {
  const { messageId, recipientId: to, messageType, metadata } = message.header;
  const content = message.content();
  const { requestId } = content;
  const texts = [content, content["parameters"], content["data"]].map((one) =>
    typeof one === "object" && one !== null && "text" in one ? one.text : undefined,
  );
  const text = texts.find((one) => typeof one === "string");
  const draft: Draft = {
    to,
    messageId,
    priority: readPriority(metadata.priority ?? ""),
    content: text === undefined ? { message: JSON.stringify(content), data: content } : { message: text },
  };
  if (messageType === "QUERY") return session.request(draft);
  if (messageType !== "RESPONSE" || typeof requestId !== "string") return session.publish({ ...draft, type: "inform" });
  const answers = open.isQuestionOf(to, requestId) && { inReplyTo: requestId };
  return session.publish({ ...draft, ...answers, type: "response" });
}

import type { Kept, OutboxPorts } from "./outbox-ports.js";
import type { NetworkFrame } from "../frames.js";

type Parts = Pick<OutboxPorts, "agentId" | "conversations">;

/** A message as it is, for other dialects, rooms and the broker (Agent Network §4.1). */
export function plainFrame({ agentId }: Parts, kept: Kept): NetworkFrame {
  const { messageId, recipientId, conversationId, messageType, content, timestamp, metadata } = kept;
  return { messageId, conversationId, senderId: agentId, recipientId, messageType, content, timestamp, metadata };
}

/** A message that only its recipient can open (Agent Network §11). @throws what the conversations throw */
export function sealedFrame({ agentId, conversations }: Parts, kept: Kept): NetworkFrame {
  const { messageId, recipientId, conversationId, messageType, content, timestamp } = kept;
  const common = {
    messageId,
    conversationId,
    senderId: agentId,
    recipientId,
    timestamp,
    metadata: { ...kept.metadata, encrypted: true },
  };
  const sealed = conversations.seal({ ...common, originalType: messageType }, content, true);
  return { ...common, messageType: "ENCRYPTED", content: { ...sealed } };
}

import { systemId } from "./codec.js";
import { plainMetadata } from "./metadata.js";
import type { NetworkEvent } from "./schema.js";
import type { NetworkSession } from "./state.js";

/** A frame of the broker's about a message that a client has sent: it stands in the same conversation. */
export interface About {
  readonly conversationId: string;
  /** Who the client says it is, where it has not logged in. */
  readonly claimed?: string | undefined;
}

/** How urgent a frame of the broker's is. */
const urgent = plainMetadata("HIGH");
const usual = plainMetadata("NORMAL");
const idle = plainMetadata("LOW");

/** A frame from the broker to one session, with all eight fields (Agent Network §1.2). */
export function systemEvent(
  session: NetworkSession,
  messageType: string,
  content: NetworkEvent["content"],
  about?: About,
): NetworkEvent {
  return Object.assign(systemHead(session, messageType, about), { content });
}

/** The same without its content. */
export function systemHead(
  session: NetworkSession,
  messageType: string,
  { conversationId, claimed }: About = { conversationId: systemId },
): Omit<NetworkEvent, "content"> {
  return {
    messageId: session.newId(),
    conversationId,
    senderId: systemId,
    // No field is empty, of a refused login neither: clients drop frames that have such a one.
    recipientId: session.principal?.agent ?? claimed ?? session.id,
    messageType,
    timestamp: session.now(),
    metadata: messageType === "ERROR" ? urgent : messageType === "HEARTBEAT" ? idle : usual,
  };
}

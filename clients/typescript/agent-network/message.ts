import type { NetworkFrame } from "./frames.js";
import type { TranscriptEntry } from "./store/transcript.js";

/** A message as the application hears it: opened, with what is known of its road. */
export interface Message extends NetworkFrame {
  /** False: it came in plain text, and the broker could read and change it. */
  readonly sealed: boolean;
  /** True: signed by the key that is pinned for `senderId`. */
  readonly verified: boolean;
  /** What came after it was handed over before it (Agent Network §11.5). */
  readonly late?: true;
}

/** Types that are the client's own business, or the broker's when `system` says them: no handler of an agent's message. */
const reserved: ReadonlySet<string> = new Set([
  "AUTH",
  "HANDSHAKE",
  "ENCRYPTED",
  "RECEIPT",
  "CONNECTED",
  "ACK",
  "HEARTBEAT",
  "PRESENCE",
  "ERROR",
  "DISCONNECT",
]);

/** True for a type under which an agent's word must not be taken for another's. */
export function isReserved(messageType: string): boolean {
  return reserved.has(messageType);
}

/** A message as a transcript has it. @param self whose transcript it is @param at milliseconds since 1970 */
export function entryOf(message: Omit<Message, "timestamp">, self: string, at: number): TranscriptEntry {
  const { senderId, recipientId, messageId, conversationId, messageType, content, sealed, verified } = message;
  const isOurs = senderId === self;
  return {
    direction: isOurs ? "SENT" : "RECEIVED",
    at,
    peer: isOurs ? recipientId : senderId,
    messageId,
    conversationId,
    messageType,
    content,
    sealed,
    verified,
  };
}

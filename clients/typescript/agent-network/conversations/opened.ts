import type { SealedHead } from "../crypto/sealed.js";
import type { NetworkFrame } from "../frames.js";

/** A message that was opened. */
export interface Opened {
  /** As if it had been said plainly: `messageType` is the original type, `content` what was sealed. */
  readonly frame: NetworkFrame;
  readonly mode: 2 | "seed";
  /** False for a peer in seed mode that has shown no signing key. */
  readonly verified: boolean;
  /** Its place in the conversation at version 2; a `RECEIPT` has none, nor has what comes in seed mode. */
  readonly counter?: number;
  /** It comes after messages that came behind it: its gap was told already (Agent Network §11.5). */
  readonly late?: true;
  /** The identical frame was handed over before: its sender had no receipt yet (Agent Network §12.4). */
  readonly repeated?: true;
}

/** What a frame's signature and its tag cover beside its content. */
export function headOf(frame: NetworkFrame, originalType: string): SealedHead {
  const { messageId, conversationId, senderId, recipientId, timestamp, metadata } = frame;
  return { messageId, conversationId, senderId, recipientId, originalType, timestamp, metadata };
}

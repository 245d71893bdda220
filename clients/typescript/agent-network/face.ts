import type { PeerFacts } from "./conversations/conversations.js";
import type { DegradedReport } from "./delivery/degradation.js";
import type { DeliveryReport } from "./delivery/reports.js";
import type { Message } from "./message.js";
import type { Proposal } from "./proposals.js";
import type { TranscriptEntry } from "./store/transcript.js";
import type { SecurityEvent } from "./security-events.js";
import type { Closed } from "./web-socket.js";

/** Hears messages of a type. What it returns is waited for: the message counts as processed then. */
export type MessageHandler = (message: Message) => unknown;

/** The public halves of an agent's keys. The private ones stay inside. */
export interface PublicKeys {
  /** Long-term X25519. */
  readonly publicKey: Uint8Array;
  /** Ed25519: by it others know the agent. */
  readonly signingKey: Uint8Array;
}

/** What a client shows, with the names of the document: the application sets the callbacks, the client calls them. */
export interface Face {
  readonly agentId: string;
  keyPair: PublicKeys | null;
  readonly knownAgents: Map<string, Uint8Array>;
  readonly messageHandlers: ReadonlyMap<string, MessageHandler>;
  readonly pendingMessages: Map<string, DeliveryReport>;
  readonly onOpen: () => void;
  readonly onError: (error: Error) => void;
  readonly onMessage: (message: Message) => unknown;
  readonly onTranscript: (entry: TranscriptEntry) => void;
  readonly onDelivery: (report: DeliveryReport) => void;
  readonly onPeer: (peer: PeerFacts) => void;
  readonly onDegraded: (report: DegradedReport) => void;
  readonly onProposal: (proposal: Proposal) => void;
  handleIncomingMessage(data: unknown): void;
  handleDisconnection(event: Closed): void;
  handleEncryptionError(event: SecurityEvent): void;
}

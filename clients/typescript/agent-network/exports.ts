/** What both entries of the package have beside their `SecureAgentSocket`. */
export {
  answerCodes,
  contents,
  isKnownType,
  proposalDetails,
  proposalStatuses,
  queryParameters,
  queryTypes,
  readContent,
  rejectionReasons,
} from "./contents.js";
export type {
  AnswerCode,
  ContentOf,
  KnownType,
  ProposalDetails,
  ProposalStatus,
  QueryParameters,
  QueryType,
  RejectionReason,
} from "./contents.js";
export { NetworkError, type NetworkErrorCode } from "./error.js";
export { NotTaken, type DeliveryFailure, type DeliveryReport, type DeliveryState } from "./delivery/reports.js";
export type { DegradedReport } from "./delivery/degradation.js";
export type { PeerFacts } from "./conversations/conversations.js";
export { PeerRefused } from "./conversations/peers.js";
export type { MessageHandler, PublicKeys } from "./face.js";
export type { Metadata, NetworkFrame } from "./frames.js";
export type { AuthToken } from "./login-token.js";
export type { LoggedFrame } from "./message-log.js";
export type { Message } from "./message.js";
export type { MetricsReport } from "./metrics.js";
export type { CallOptions, SendOptions, SocketOptions } from "./options.js";
export type { Proposal } from "./proposals.js";
export type { TranscriptEntry, TranscriptRange } from "./store/transcript.js";
export { securityKinds, type SecurityEvent, type SecurityKind } from "./security-events.js";
export type { NetworkStore } from "./store/store.js";
export type { DeskAnswer } from "./system-frames.js";
export type { Answer, Decision, Said } from "./talking.js";
export type { WebSocketConstructor, WebSocketLike } from "./web-socket.js";

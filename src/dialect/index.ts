/**
 * The contract that a dialect is written against: the only thing of ours that `bridges/` imports, as `#dialect`.
 * @see CONTRIBUTING.md
 */
export * from "./connection.js";
export * from "./dialect.js";
export { dialectProblem } from "./entry-points.js";
export * from "./login-mailbox.js";
export * from "./options.js";
export type * from "./phrasebook.js";
export * from "./recognise.js";
export * from "./session.js";
export {
  FairShares,
  Fault,
  ListText,
  ListWriting,
  asFault,
  brokerTopic,
  eventsTopic,
  everyone,
  faultCodes,
  agentNameProblem,
  isAgentName,
  isControlName,
  isRoom,
  jsonText,
  listCost,
  networkOf,
  partyOf,
  provesAtLeast,
  principal,
  readJson,
  readPriority,
  readSoftly,
  receiptWords,
  repairSurrogates,
  shapeProblemText,
  shownMarks,
  topicKind,
} from "../core/index.js";
export type {
  Content,
  Envelope,
  FaultCode,
  Marks,
  MessageType,
  Outcome,
  Party,
  Principal,
  Priority,
  RareFields,
  Scope,
  Share,
  SoftFields,
  Origin,
  Trust,
} from "../core/index.js";
export type { TurnIntent } from "../conversation/conversations.js";
export type { AgentEntry, Directory, RoomCursor, RoomEntry } from "../directory/directory.js";
export type { Credential } from "../identity/identity.js";
export type { Rate } from "../identity/limiter.js";
export type { Table } from "../storage/table.js";
export { agentStates } from "../telemetry/telemetry.js";
export type {
  AgentState,
  Capability,
  CapabilityUpdate,
  CommandEvent,
  ConsensusPlan,
  CoordinationEvent,
  Coordinator,
  Flow,
  Insight,
  LookedAt,
  Performance,
  PositionFrame,
  Said,
  SeenAgent,
  StateChange,
  SystemFigures,
  Telemetry,
  TelemetryListener,
  Trend,
  Webhooks,
} from "../telemetry/telemetry.js";

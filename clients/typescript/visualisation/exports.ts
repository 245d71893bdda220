/** What both entries of the package have beside their `Viewer` and their `WebSocket`. */
export type { ChannelOptions, ViewerChannel } from "./channel.js";
export { ViewerError, type ViewerErrorCode } from "./error.js";
export type {
  AgentState,
  CommandResult,
  Payloads,
  PerformanceUpdate,
  Positions,
  Registered,
  StateChanged,
  StreamName,
  ViewerEvent,
} from "./events.js";
export type { Session } from "./greeting.js";
export type { EventStream, Listener } from "./listeners.js";
export type { CommandOptions, Version, ViewerOptions } from "./options.js";
export type { Algorithm } from "./platform.js";
export type { Token } from "./tokens.js";
export {
  BinaryProblem,
  FrameReader,
  readFrames,
  stateNames,
  type BinaryFrame,
} from "../../../bridges/visualisation/binary/index.js";

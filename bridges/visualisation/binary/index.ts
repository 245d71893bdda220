// The binary protocol, pure: for the broker, its clients and pages alike (Visualisation §2.3–2.6).
export {
  encodeCompressed,
  encodeCoordination,
  encodeError,
  encodeHeartbeat,
  encodeMetrics,
  encodePositions,
  encodeStates,
} from "./encode.js";
export {
  BinaryProblem,
  stateNames,
  type BinaryFrame,
  type BinaryPriority,
  type CompressedFrame,
  type FrameContent,
  type MetricsRecord,
  type Position,
  type StateRecord,
} from "./frame.js";
export { FrameReader, readFrames, type FrameReaderOptions } from "./frame-reader.js";

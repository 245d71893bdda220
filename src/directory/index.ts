export * from "./directory-memory.js";
export type * from "./directory.js";
export { DroppedEvents, type SlowReceiver } from "./events.js";
export { bytesOf, PastReading, type Past } from "./past.js";
export type * from "./questions.js";
export { recallMax } from "./recall.js";

export type { ContactEvent, ContactPair } from "./contact-book.js";
export { notApproved } from "./contact-rule.js";
export * from "./directory-memory.js";
export type { ConfiguredRoom, DirectoryOptions } from "./directory-options.js";
export type * from "./directory.js";
export { DroppedEvents, type SlowReceiver } from "./events.js";
export { bytesOf, PastReading, type Past } from "./past.js";
export type * from "./questions.js";
export { recallMax } from "./recall.js";

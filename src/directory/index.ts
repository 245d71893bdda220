export * from "./directory-memory.js";
export type * from "./directory.js";
export * from "./dropped-events.js";

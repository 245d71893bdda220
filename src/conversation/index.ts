export * from "./answers.js";
export * from "./conversations-memory.js";
export type * from "./conversations.js";
export * from "./requests-memory.js";
export type * from "./requests.js";

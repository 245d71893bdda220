export * from "./directory-memory.js";
export type * from "./directory.js";
export type * from "./identity.js";
export * from "./limiter-memory.js";
export type * from "./limiter.js";
export * from "./table-memory.js";
export type * from "./table.js";

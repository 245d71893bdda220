export * from "./mail-row.js";
export type * from "./mail-store.js";

export * from "./mail-row.js";
export { MailStoreMemory } from "./mail-store-memory.js";
export type * from "./mail-store.js";
export * from "./mailboxes.js";

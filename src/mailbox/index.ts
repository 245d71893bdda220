export * from "./mail-row.js";
export { MailStoreLmdb, type MailStoreLmdbOptions } from "./mail-store-lmdb.js";
export { MailStoreMemory } from "./mail-store-memory.js";
export type * from "./mail-store.js";
export * from "./mailboxes.js";
export type { Mailbox } from "./mailbox.js";
export { peek, saidBy, type Cursor } from "./reading.js";
export type { Named } from "./taking.js";

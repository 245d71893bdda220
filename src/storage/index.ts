export * from "./data-directory.js";
export { readRegular } from "./atomic-file.js";
export * from "./lmdb-folder.js";
export type { LockHolder } from "./pid-lock.js";
export { remedyOf } from "./remedy.js";
export { SecretFile } from "./secret-file.js";
export * from "./table-lmdb.js";
export * from "./table-memory.js";
export type * from "./table.js";

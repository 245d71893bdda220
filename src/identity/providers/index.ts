export * from "./configured-issuers.js";
export * from "./issuer-files.js";
export * from "./issuer.js";
export { readKeysFile } from "./key-source-file.js";
export type { Binding } from "./name-bindings.js";
export type { NamesHere } from "./outside-agents.js";

/** The WebSocket edge: HTTP upgrade, connections, limits. Knows no dialect. */
export { Access, type AccessRules } from "./access.js";
export { WsEdge, type WsEdgeOptions } from "./edge.js";
export type { Answer, PageRequest, Pages } from "./front-page.js";
export { hostsOf, readTlsPair, type TlsFiles, type TlsPair } from "./tls.js";
export type { DialectPaths } from "./upgrade.js";

/** The WebSocket edge: HTTP upgrade, connections, limits. Knows no dialect. */
export { WsEdge, type WsEdgeOptions } from "./edge.js";
export type { EdgeDoor } from "./door.js";

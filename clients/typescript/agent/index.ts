/** The SDK for local agents. */
export { Agent } from "./agent.js";
export type { Link } from "./link.js";
export type { Durability, ListedAgent, ListedRoom } from "../../../src/core/index.js";
export { MemoryLink, type MemoryHome, type MemoryPresence } from "./link-memory.js";
export { checkName } from "./outgoing.js";
export type { AgentOptions, ConnectOptions, Notice, Request, Said, SendOptions } from "./options.js";
export { faultOf, isFaultNotice } from "./incoming.js";
export type { CreateOptions, HistoryOptions, RoomCursor, RoomPast } from "./room-past.js";

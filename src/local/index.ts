/** Local agents: what ZeroMQ connections mean. */
export * from "./local-agents.js";
export type { LocalContext } from "./context.js";
export { listAgents, listRooms } from "./lists.js";

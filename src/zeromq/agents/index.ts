/** Local agents: what ZeroMQ connections mean. */
export type { LocalContext } from "./context.js";
export * from "./local-agents.js";

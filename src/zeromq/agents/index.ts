/** Local agents: what ZeroMQ connections mean. */
export type { ZeromqContext } from "./context.js";
export * from "./zeromq-agents.js";

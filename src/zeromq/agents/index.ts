/** What ZeroMQ connections mean: names, presence, rights, messages that must be read. */
export type { ZeromqContext } from "./context.js";
export * from "./zeromq-agents.js";

export * from "./local-agents.js";
export type { LocalContext, LocalLog } from "./context.js";

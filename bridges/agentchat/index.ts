import { defineDialect } from "#dialect";
import { dialect } from "./dialect.js";

/** AgentChat as the broker serves it. */
export const agentchat = defineDialect(dialect);

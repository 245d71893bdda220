import type { AnyDialect } from "#dialect";
import { agentchat } from "./agentchat/index.js";
import { pan } from "./pan/index.js";

/** The dialects that a broker answers to. `echo` is template and fixture, not for production. */
export const dialects: readonly AnyDialect[] = [pan, agentchat];

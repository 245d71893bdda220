import { listAgents } from "../lists.js";
import type { Kind } from "./kind.js";

/** `agents.list`: who is online, in all dialects. */
export const agentsList: Kind = ({ charge, context: { directory } }) => {
  charge(directory.agents().length);
  const agents = listAgents(directory);
  return { message: agents.map(({ name }) => name).join(", "), data: { agents } };
};

import { listAgents } from "./lists.js";
import type { Kind, Length } from "./kind.js";

/** `agents.list`: who is online, in all dialects. */
export const agentsList: Kind = ({ context: { directory } }) => {
  const agents = listAgents(directory);
  return { message: agents.map(({ name }) => name).join(", "), data: { agents } };
};

export const agentsLength: Length = ({ context: { directory } }) => directory.agentCount;

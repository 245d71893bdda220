import type { Roster } from "../../../clients/typescript/agentchat/client.js";
import { table } from "../output.js";
import { untrustedText } from "./harmless.js";

/** For people: ids, and names where they differ. */
export function rosterTable({ agents, names }: Roster): string {
  return table(
    agents.map((agent) => {
      const name = Object.hasOwn(names, agent) ? names[agent] : undefined;
      return name === undefined ? [untrustedText(agent)] : [untrustedText(agent), untrustedText(name)];
    }),
  );
}

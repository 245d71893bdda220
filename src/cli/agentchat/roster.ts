import type { Roster } from "../../../clients/typescript/agentchat/client.js";
import { table } from "../output.js";
import { harmless } from "./harmless.js";

/** For people: ids, and names where they differ. */
export function rosterTable({ agents, names }: Roster): string {
  return table(
    agents.map((agent) => {
      const name = Object.hasOwn(names, agent) ? names[agent] : undefined;
      return name === undefined ? [harmless(agent)] : [harmless(agent), harmless(name)];
    }),
  );
}

/** The agents that bear a display name. */
export function bearersOf(name: string, rosters: readonly Roster[]): readonly string[] {
  return [
    ...new Set(
      rosters.flatMap(({ names }) =>
        Object.entries(names).flatMap(([agent, called]) => (called === name ? [agent] : [])),
      ),
    ),
  ];
}

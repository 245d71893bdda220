import type { Command } from "commander";
import type { ListedAgent, ListedRoom } from "../../../clients/typescript/agent/index.js";
import { agoText, fittedTable, outputWidth } from "../columns.js";
import { asOperator, type BrokerChoice } from "../operator.js";
import { print, say, type Output } from "../output.js";

/** `broker agents` and `broker rooms`. */
export function listCommands(program: Command): void {
  program
    .command("agents")
    .description("list the agents that are online, in all dialects")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<BrokerChoice & Output>();
      const agents = await asOperator(options, (operator) => operator.agents());
      if (agents.length === 0 && options.json !== true) say("nobody is online");
      print(options, agents, () => (agents.length === 0 ? "" : agentTable(agents, Date.now(), outputWidth())));
    });

  program
    .command("rooms")
    .description("list the rooms and how many are in them")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<BrokerChoice & Output>();
      const rooms = await asOperator(options, (operator) => operator.rooms());
      print(options, rooms, () => roomTable(rooms, outputWidth()));
    });
}

/** Agents for people. `now`: milliseconds since the epoch; `width`: see {@link fittedTable}. */
export function agentTable(agents: readonly ListedAgent[], now: number, width: number | undefined): string {
  return fittedTable(
    [
      { heading: "NAME", cuts: true },
      { heading: "DIALECT" },
      { heading: "TRUST" },
      { heading: "ONLINE SINCE" },
      { heading: "CONNECTIONS", isNumber: true },
      { heading: "DISPLAY NAME", cuts: true },
    ],
    agents.map(({ name, display_name: shown, dialect, trust, since, connections = 1 }) => [
      name,
      dialect,
      trust,
      agoText(since, now),
      String(connections),
      shown === name ? "" : shown,
    ]),
    width,
  );
}

/** Rooms for people. */
export function roomTable(rooms: readonly ListedRoom[], width: number | undefined): string {
  return fittedTable(
    [
      { heading: "ROOM", cuts: true },
      { heading: "MEMBERS", isNumber: true },
      { heading: "AWAY", isNumber: true },
      { heading: "WHO MAY JOIN" },
      { heading: "REMEMBERS" },
    ],
    rooms.map(({ name, members, away, invite_only: isInviteOnly, durable: isDurable }) => [
      name,
      String(members),
      away === undefined ? "" : String(away),
      isInviteOnly ? "invited only" : "everybody",
      isDurable === true ? "on disk" : "",
    ]),
    width,
  );
}

import type { Command } from "commander";
import { asOperator, type BrokerChoice } from "../operator.js";
import { print, say, table, type Output } from "../output.js";

/** `broker agents` and `broker rooms`. */
export function listCommands(program: Command): void {
  program
    .command("agents")
    .description("list the agents that are online, in whatever dialect")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<BrokerChoice & Output>();
      const agents = await asOperator(options, (operator) => operator.agents());
      if (agents.length === 0 && options.json !== true) say("nobody is online");
      print(options, agents, () =>
        table(
          agents.map(({ name, display_name, dialect, trust, since }) => [
            name,
            dialect,
            trust,
            since,
            display_name === name ? "" : display_name,
          ]),
        ),
      );
    });

  program
    .command("rooms")
    .description("list the rooms and how many are in them")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<BrokerChoice & Output>();
      const rooms = await asOperator(options, (operator) => operator.rooms());
      print(options, rooms, () =>
        table(
          rooms.map(({ name, members, invite_only }) => [
            name,
            String(members),
            invite_only ? "invited members only" : "",
          ]),
        ),
      );
    });
}

import type { Command } from "commander";
import type { BrokerStatus } from "../../broker.js";
import { meaningOf } from "../../core/index.js";
import { asOperator, askBroker, type BrokerChoice } from "../operator.js";
import { print, say, table, type Output } from "../output.js";

/** `broker status`: shows doors, connections and both ledgers. */
export function statusCommand(program: Command): void {
  program
    .command("status")
    .description("show doors, connections, what was routed and what was lost, and why")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<BrokerChoice & Output>();
      const answer = await asOperator(options, (operator) => askBroker(operator, "broker.status"));
      const status = answer.content.data as BrokerStatus; // the answer of this package's own broker
      print(options, status, () => describe(status));
    });
}

function describe({
  pid,
  uptimeMs,
  dataDir,
  endpoints,
  agents,
  rooms,
  connections,
  backlogBytes,
  memoryBytes,
  ledger,
}: BrokerStatus): string {
  const { messages, copies } = ledger;
  const { zmqIn, zmqOut, ws } = connections;
  const dropped = Object.entries(copies.dropped)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(", ");
  const counted = Object.entries(ledger.reasons).map(([reason, count]) => [
    "",
    `${count} ${reason}${meaningOf(reason) === undefined ? "" : `: ${meaningOf(reason)}`}`,
  ]);
  return table([
    [
      "broker",
      `pid ${pid}, up ${Math.round(uptimeMs / 1_000)} s, ${mib(memoryBytes)} memory, ${mib(backlogBytes)} unsent`,
    ],
    ["data", dataDir],
    ["zmq in", endpoints.zmqIn.join("  ")],
    ["zmq out", endpoints.zmqOut.join("  ")],
    ["ws", endpoints.ws.join("  ")],
    ["agents", `${agents}, rooms ${rooms}, connections: ${zmqIn} publishers, ${zmqOut} subscribers, ${ws} WebSockets`],
    [
      "messages",
      `${messages.accepted} accepted = ${messages.routed} routed + ${messages.stored} stored + ` +
        `${messages.refused} refused + ${messages.unroutable} unroutable + ${messages.malformed} malformed`,
    ],
    ["copies", `${copies.copies} = ${copies.written} written + ${copies.pending} pending + dropped (${dropped})`],
    ...(counted.length > 0 ? [["reasons", ""], ...counted] : []),
  ]);
}

function mib(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`;
}

/** `broker agents` and `broker rooms`. */
export function listCommands(program: Command): void {
  program
    .command("agents")
    .description("list the agents that are online, in all dialects")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<BrokerChoice & Output>();
      const agents = await asOperator(options, (operator) => operator.agents());
      if (agents.length === 0 && options.json !== true) say("nobody is online");
      print(options, agents, () =>
        table(
          agents.map(({ name, display_name, dialect, trust, since, connections }) => [
            name,
            dialect,
            trust,
            since,
            connections === undefined ? "" : `${connections} connections`,
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

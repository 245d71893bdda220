import { Argument, Option, type Command } from "commander";
import { askBox } from "../boxes.js";
import { outputWidth } from "../columns.js";
import { boxText, type ListedBox } from "../mail-text.js";
import { asOperator, askBroker, type BrokerChoice } from "../operator.js";
import { printRows, say, type Output } from "../output.js";
import { between, byteCount, count, duration } from "../quantities.js";
import { exitCodes } from "../exit.js";

interface Opens extends BrokerChoice, Output {
  readonly mode?: "push" | "take";
  readonly rooms?: boolean;
  readonly keep?: number;
  readonly max?: number;
  readonly maxBytes?: number;
}

/** The commands below `broker mailbox` that change a mailbox. */
export function boxCommands(mailbox: Command): void {
  mailbox
    .command("open")
    .argument("<name>", "the agent")
    .description("open a mailbox, or change one: from now on what is said to the agent waits while it is away")
    .addOption(
      new Option("--mode <mode>", "push: what waits comes by itself; take: the agent asks for it").choices([
        "push",
        "take",
      ]),
    )
    .option(
      "--rooms",
      "it stays in the rooms that its WebSocket sessions have joined, shown as away, until it leaves them",
    )
    .option("--no-rooms", "its memberships end with each session; who is away leaves its rooms now")
    .option("--keep <time>", "how long a message waits: 12h, 7d (default: 7d)", between(duration, "1s", "366d"))
    .option("--max <n>", "messages at most (default: 1000)", between(count, "1", "1000000"))
    .option("--max-bytes <bytes>", "their bytes at most: 64k, 16m, 1g (default: 16m)", between(byteCount, "1k", "1g"))
    .action(async (name: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Opens>();
      const { mode, rooms, keep, max, maxBytes } = options;
      const box = await asOperator(options, async (operator) => {
        const { content } = await askBroker(operator, "mailbox.open", {
          agent: name,
          ...(mode !== undefined && { mode }),
          ...(rooms !== undefined && { rooms }),
          ...(keep !== undefined && { keep_s: Math.ceil(keep / 1_000) }),
          ...(max !== undefined && { max }),
          ...(maxBytes !== undefined && { max_bytes: maxBytes }),
        });
        return content.data as ListedBox; // this package's own broker
      });
      await printRows(options, [box], () => boxText(box, Date.now(), outputWidth()));
    });
  mailbox
    .command("close")
    .argument("<name>", "whose mailbox")
    .description("close a mailbox: nothing waits for the agent any more; refused while something does")
    .option("--discard", "lose what waits in it; who sent it is told where it asked for that")
    .action(async (name: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<BrokerChoice & Output & { readonly discard?: true }>();
      await asOperator(options, (operator) =>
        askBox(operator, "mailbox.close", name, options.discard === true ? { discard: true } : {}),
      );
      say(`${name} has no mailbox any more`);
    });
  mailbox
    .command("redeliver")
    .argument("<name>", "whose mailbox")
    .addArgument(new Argument("<id...>", "delivery ids, as broker mailbox dead tells them"))
    .description("let dead messages wait again")
    .action(async (name: string, ids: readonly string[], _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<BrokerChoice & Output>();
      const { results } = await asOperator(options, (operator) =>
        askBox<{ readonly results: readonly Redelivered[] }>(operator, "mailbox.redeliver", name, { ids }),
      );
      await printRows(options, results, (all) =>
        all.map((one) => `${one.delivery_id}  ${wordsOf(one, name)}`).join("\n"),
      );
      if (results.some(({ state }) => state !== "waiting")) process.exitCode = exitCodes.refused;
    });
}

interface Redelivered {
  readonly delivery_id: string;
  readonly state: string;
}

function wordsOf({ state }: Redelivered, name: string): string {
  if (state === "waiting") return "waits again";
  if (state === "unknown") return `not in this mailbox: broker mailbox dead ${name} shows the ids`;
  return state === "dead" ? "dead: its time is over" : `not dead, but ${state}`;
}

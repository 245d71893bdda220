import { Argument, Option, type Command } from "commander";
import type { Agent } from "../../../clients/typescript/agent/index.js";
import { Fault, type Envelope } from "../../core/index.js";
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
    .command("release")
    .argument("<name>", "whose mailbox")
    .argument("[id...]", "delivery ids, as broker mailbox peek tells them; all that is taken, if none is named")
    .description("let messages wait again that were taken and not settled: who took them was killed")
    .action(async (name: string, ids: readonly string[], _options: unknown, command: Command) => {
      await release(name, ids, command.optsWithGlobals<BrokerChoice>());
    });
  mailbox
    .command("redeliver")
    .argument("<name>", "whose mailbox")
    .addArgument(new Argument("<id...>", "delivery ids, as broker mailbox dead tells them"))
    .description("let dead messages wait again")
    .action(async (name: string, ids: readonly string[], _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<BrokerChoice & Output>();
      const { results } = await asOperator(options, (operator) =>
        askBox<{ readonly results: readonly Named[] }>(operator, "mailbox.redeliver", name, { ids }),
      );
      await printRows(options, results, (all) =>
        all.map((one) => `${one.delivery_id}  ${wordsOf(one, name)}`).join("\n"),
      );
      if (results.some(({ state }) => state !== "waiting")) process.exitCode = exitCodes.refused;
    });
}

/** Deliveries that one question names at most. */
const idsMax = 1_000;

async function release(name: string, ids: readonly string[], options: BrokerChoice): Promise<void> {
  const unknown: string[] = [];
  let count = 0;
  await asOperator(options, async (operator) => {
    const meant = ids.length > 0 ? ids : await takenIn(operator, name);
    for (let at = 0; at < meant.length; at += idsMax) {
      const asked = { ids: meant.slice(at, at + idsMax) };
      const { results } = await askBox<{ readonly results: readonly Named[] }>(
        operator,
        "mailbox.release",
        name,
        asked,
      );
      for (const one of results)
        if (one.state === "waiting") count += 1;
        else unknown.push(`${one.delivery_id} (${one.state})`);
    }
  });
  const waits = count === 1 ? "1 waits" : `${count} wait`;
  say(count + unknown.length === 0 ? `nobody has taken anything of ${name}'s` : `${waits} again for ${name}`);
  if (unknown.length === 0) return;
  say(`not taken: ${unknown.join(", ")}`);
  process.exitCode = exitCodes.refused;
}

/** What is taken and not settled. @throws Fault conflict while the owner is here, who may be at work on it */
async function takenIn(operator: Agent, name: string): Promise<readonly string[]> {
  if ((await askBox<ListedBox>(operator, "mailbox.status", name)).here)
    throw new Fault(
      "conflict",
      `${name} is here, and may be at work on what it has taken: name what you mean (broker mailbox release ${name} ID)`,
    );
  const found: string[] = [];
  let after: object | undefined;
  for (;;) {
    const { messages, next } = await askBox<Looked>(operator, "mailbox.peek", name, {
      max: idsMax,
      ...(after !== undefined && { after }),
    });
    for (const { state, message } of messages)
      if (state === "leased")
        found.push(...(message.$broker?.delivery_id === undefined ? [] : [message.$broker.delivery_id]));
    if (messages.length === 0) return found;
    after = next;
  }
}

interface Looked {
  readonly messages: readonly { readonly state: string; readonly message: Pick<Envelope, "$broker"> }[];
  readonly next: object;
}

interface Named {
  readonly delivery_id: string;
  readonly state: string;
}

function wordsOf({ state }: Named, name: string): string {
  if (state === "waiting") return "waits again";
  if (state === "unknown") return `not in this mailbox: broker mailbox dead ${name} shows the ids`;
  return state === "dead" ? "dead: its time is over" : `not dead, but ${state}`;
}

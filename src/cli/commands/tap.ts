import { once } from "node:events";
import { InvalidArgumentError, Option, type Command } from "commander";
import type { Agent } from "../../agent/index.js";
import { messageTypes, subscriptionKind, type Envelope } from "../../core/index.js";
import { painter } from "../agentchat/console-lines.js";
import { connectOperator, type BrokerChoice } from "../operator.js";
import { dataLines, endUnwritten, finished, say, type Output } from "../output.js";
import { checkTap, tapFilter, type TapFilter } from "../tap-filter.js";
import { personLine, wireLine } from "../tap-line.js";

interface Options extends BrokerChoice, Output, TapFilter {
  readonly count?: number;
}

/** `broker tap [topic…]`: what passes, until interrupted or `--count` messages were shown. */
export function tapCommand(program: Command): void {
  program
    .command("tap")
    .argument("[topics...]", "only these topics: a name, '#room', a prefix ending in . / or :  (default: everything)")
    .description("print what passes; one JSON line each with --json or into a pipe")
    .option("--from <name>", "only what this agent says")
    .option("--to <topic>", "only what is for this agent, '#room' or all")
    .addOption(new Option("--type <type>", "only messages of this type").choices(messageTypes))
    .option("--kind <kind>", "only this content.kind; chat: plain text")
    .option("--count <n>", "end after this many messages", count)
    .action(async (named: readonly string[], _options: unknown, command: Command) => {
      const topics = named.includes("") ? [] : named;
      const options = command.optsWithGlobals<Options>();
      checkTap(topics, options);
      const operator = await connectOperator(options, { hearOwn: true, inboxMax: 100_000 });
      // A tap changes nothing: to subscribe a room would be to join it.
      for (const topic of topics.length > 0 && topics.every((one) => subscriptionKind(one) === "prefix") ? topics : [""]) operator.subscribe(topic);
      say(`listening to ${topics.length === 0 ? "everything" : topics.join(" ")}; Ctrl-C ends it`);
      await show(operator, tapFilter(topics, options), options);
      // A reader that has stopped would keep the process for ever.
      process.exit(0);
    });
}

/** Prints what fits, until a signal or the last of `count`. */
async function show(operator: Agent, isShown: (envelope: Envelope) => boolean, { json, count = Infinity }: Options): Promise<void> {
  const ended = new AbortController();
  const end = (): void => {
    ended.abort();
    void operator.close();
  };
  process.once("SIGINT", end);
  process.once("SIGTERM", end);
  const paint = painter(process.stdout.isTTY, process.env);
  const asJson = json === true || !process.stdout.isTTY;
  const lines = dataLines();
  lines.on("error", endUnwritten("broker"));
  let shown = 0;
  for await (const envelope of operator) {
    if (ended.signal.aborted) break;
    if (!isShown(envelope)) continue;
    const hasRoom = lines.write(`${asJson ? wireLine(envelope) : personLine(envelope, paint)}\n`);
    if (!hasRoom) await once(lines, "drain", { signal: ended.signal }).catch(() => undefined);
    if ((shown += 1) >= count) break;
  }
  if (operator.dropped > 0) say(`${operator.dropped} messages were not shown: whoever reads this output is too slow`);
  await finished(lines);
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("give a whole number, 1 or more");
  return value;
}

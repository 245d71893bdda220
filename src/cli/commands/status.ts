import { once } from "node:events";
import type { Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import type { Command } from "commander";
import type { Agent } from "../../../clients/typescript/agent/index.js";
import type { BrokerStatus } from "../../broker.js";
import { Fault } from "../../core/index.js";
import { outputWidth } from "../columns.js";
import { asOperator, askBroker, connectOperator, findBroker, watchBroker, type BrokerChoice } from "../operator.js";
import { dataLines, endUnwritten, finished, jsonLine, painter, print, steerless, type Output } from "../output.js";
import { onEndSignals } from "../signals.js";
import { statusText } from "../status-text.js";
import { watchLine, watchScreen, type Pair } from "../status-watch.js";
import { exitCodes } from "../exit.js";

interface Options extends BrokerChoice, Output {
  readonly watch?: true;
}

/** `broker status`: shows doors, connections and both ledgers; with `--watch` each second, with rates. */
export function statusCommand(program: Command): void {
  program
    .command("status")
    .description("show doors, connections, what was routed and what was lost, and why")
    .option("--watch", "show it each second, with rates, until Ctrl-C; one line each into a pipe")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      // Without exit, a reader that has stopped would keep the process alive for ever.
      if (options.watch === true) process.exit(await watch(options));
      const status = await asOperator(options, statusOf);
      print(options, status, () => statusText(status, outputWidth()));
    });
}

async function statusOf(operator: Agent): Promise<BrokerStatus> {
  const answer = await askBroker(operator, "broker.status");
  return answer.content.data as BrokerStatus; // the answer of this package's own broker
}

const eachMs = 1_000;

/** Shows the status each second until a signal ends it. @throws Fault unavailable when the broker has ended */
async function watch(options: Options): Promise<number> {
  const over = new AbortController();
  onEndSignals(
    ["SIGINT", "SIGTERM"],
    () => {
      over.abort("asked");
    },
    () => process.exit(exitCodes.failed),
  );
  const { data } = findBroker(options);
  const operator = await connectOperator(options);
  const unwatch = watchBroker(data, () => {
    over.abort("ended");
    void operator.close();
  });
  const lines = dataLines();
  lines.on("error", endUnwritten("broker"));
  try {
    await show(operator, lines, options, over.signal);
  } catch (thrown) {
    if (!over.signal.aborted) throw thrown;
  } finally {
    unwatch();
    await operator.close();
    await finished(lines);
  }
  if (over.signal.reason === "ended") throw new Fault("unavailable", `the broker of ${data.path} has ended`);
  return exitCodes.done;
}

async function show(operator: Agent, lines: Writable, { json }: Output, signal: AbortSignal): Promise<void> {
  const isScreen = json !== true && process.stdout.isTTY && process.env["TERM"] !== "dumb";
  const paint = painter(process.stdout.isTTY, process.env);
  let before = await statusOf(operator);
  while (!signal.aborted) {
    await pause(eachMs, undefined, { signal });
    const pair: Pair = { before, now: await statusOf(operator) };
    const time = new Date().toTimeString().slice(0, 8);
    const text = isScreen
      ? screen(watchScreen(time, pair, outputWidth() ?? unknownWidth, paint), process.stdout.rows)
      : `${json === true ? jsonLine(pair.now) : steerless(watchLine(time, pair))}\n`;
    if (!lines.write(text)) await once(lines, "drain", { signal });
    before = pair.now;
  }
}

/** For a terminal that does not know how wide it is. */
const unknownWidth = 80;

/** Lines over what the terminal shows (ECMA-48: cursor to the corner, the rest of each line and of the page erased). */
function screen(lines: readonly string[], rows: number): string {
  return `\u001b[H${lines
    .slice(0, rows > 0 ? Math.max(1, rows - 1) : undefined) // 0: it does not know its size
    .map((line) => `${line}\u001b[K\n`)
    .join("")}\u001b[J`;
}

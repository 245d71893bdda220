import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { InvalidArgumentError, Option, type Command } from "commander";
import { dialects } from "../../../bridges/index.js";
import { isLocalDoor, isLocalUrl } from "../../config/index.js";
import { Fault } from "../../core/index.js";
import { newTally, runLoad, type Load, type OpenPair } from "../bench/load.js";
import { benchResult, benchTable, showProgress } from "../bench/report.js";
import { findBroker, watchBroker, type BrokerChoice } from "../operator.js";
import { exitCodes } from "../exit.js";
import { openRelay } from "../door-relay.js";
import { print, say, type Output } from "../output.js";

/** How pairs can come in: over ZeroMQ, or in a dialect that has a phrasebook, by its name. */
// bound: the dialects of the broker · evicts: nothing · owner: bench.ts
const spoken = new Map(
  dialects.flatMap(({ name, paths: [path], phrasebook }) =>
    path === undefined || phrasebook === undefined ? [] : [[name, { path, phrasebook }] as const],
  ),
);
/** The default rate of each pair, messages per second: the broker's default limits allow it. */
const usualRate = (via: string): number => spoken.get(via)?.phrasebook.perSecond ?? 1_000;
/** The longest text, bytes: `zmqFrameMaxBytes` and `wsFrameMaxBytes` must leave room for the envelope around it. */
const sizeMax = (via: string): number => (spoken.has(via) ? 60_000 : 1_000_000);

interface Options extends BrokerChoice, Output {
  readonly via: string;
  readonly pairs: number;
  readonly seconds: number;
  readonly size: number;
  readonly rate?: number;
  readonly yes?: true;
}

/** `broker bench`: puts load on the running broker through its real doors. */
export function benchCommand(program: Command): void {
  program
    .command("bench")
    .description("put load on the running broker: pairs of clients, one of which sends to the other")
    .addOption(new Option("--via <door>", "the door that they use").choices(["zmq", ...spoken.keys()]).default("zmq"))
    .option("--pairs <n>", "how many pairs, 1 to 100", number(1, 100), 1)
    .option("--seconds <s>", "how long, up to 60", number(0.1, 60, "any"), 5)
    .option(
      "--size <bytes>",
      "how long each text is, 16 to 1000000 (60000 over WebSockets)",
      number(16, 1_000_000),
      256,
    )
    .option(
      "--rate <n>",
      "messages per second of each pair, up to 10000; 0: as fast as they are received (default: " +
        `${["zmq", ...spoken.keys()].map((via) => `${via} ${usualRate(via)}`).join(", ")}, ` +
        "which the broker's default limits allow)",
      number(0, 10_000, "any"),
    )
    .option("--yes", "also where other machines can reach the door")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { via, pairs, seconds, size, rate = usualRate(via) } = options;
      if (size > sizeMax(via))
        throw new Fault("malformed", `--size: a text via ${via} has at most ${sizeMax(via)} bytes`);
      const { open, close } = await through(via, options);
      const interrupted = new AbortController();
      const end = (): void => {
        interrupted.abort();
      };
      process.once("SIGINT", end).once("SIGTERM", end);
      const lost = new AbortController();
      const load = { pairs, seconds, size, rate, signal: interrupted.signal, lost: lost.signal };
      const tally = newTally();
      const endWatch = watchBroker(findBroker(options).data, () => {
        tally.reasons.add("the broker has ended");
        say("the broker has ended: what was measured follows");
        lost.abort();
      });
      if (options.json !== true) say(`${planOf(via, load)}; Ctrl-C ends it`);
      const hide = showProgress(seconds, tally);
      const own = randomBytes(3).toString("hex");
      try {
        await runLoad(load, open, tally, (pair) => [`bench-${own}-${pair}-speaks`, `bench-${own}-${pair}-hears`]);
      } catch (thrown) {
        endWatch();
        // If the broker has ended, the clients' errors say nothing new, and what was measured before is printed.
        if (!lost.signal.aborted || tally.sent === 0) throw thrown;
      } finally {
        endWatch();
        hide();
        process.removeListener("SIGINT", end).removeListener("SIGTERM", end);
        await close();
      }
      const result = benchResult(via, load, tally);
      print(options, result, () => benchTable(result));
      if (lost.signal.aborted) process.exitCode = exitCodes.noBroker;
    });
}

function planOf(via: string, { pairs, seconds, rate }: Pick<Load, "pairs" | "seconds" | "rate">): string {
  const speed = rate === 0 ? "as fast as they are received" : `${rate} messages/s each`;
  return `${pairs} ${pairs === 1 ? "pair" : "pairs"} via ${via} for ${seconds} s, ${speed}`;
}

/** Finds out how pairs connect through a door of the running broker. @throws Fault unavailable, forbidden */
async function through(
  via: string,
  options: Options,
): Promise<{ readonly open: OpenPair; readonly close: () => Promise<void> }> {
  const { in: zmqIn, out, data } = findBroker(options);
  const door = via === "zmq" ? undefined : data.readEndpoints()?.ws[0];
  const isLocal =
    door === undefined ? isLocalUrl(zmqIn) && isLocalUrl(out) : isLocalDoor(door.replace(/^wss?:\/\//, ""));
  if (!isLocal && options.yes !== true) {
    throw new Fault(
      "forbidden",
      `other machines can reach ${door ?? (isLocalUrl(zmqIn) ? out : zmqIn)}, ` +
        "and its users will notice the load: say --yes if it is meant",
    );
  }
  const speech = spoken.get(via);
  if (speech === undefined) {
    const { zmqPairs } = await import("../bench/pair-zmq.js");
    return { open: zmqPairs({ in: zmqIn, out }), close: () => Promise.resolve() };
  }
  if (door === undefined)
    throw new Fault("unavailable", "the broker has no WebSocket door for all dialects; start it with --ws HOST:PORT");
  const { url, close } = await openRelay(door);
  const { dialectPairs } = await import("../bench/pair-dialect.js");
  const token = readFileSync(data.file("pan-token"), "utf8").trim();
  return { open: dialectPairs(`${url}${speech.path}`, speech.phrasebook, token), close };
}

function number(min: number, max: number, step: "whole" | "any" = "whole"): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= min && value <= max) || (step === "whole" && !Number.isInteger(value)))
      throw new InvalidArgumentError(`give ${step === "whole" ? "a whole number" : "a number"} from ${min} to ${max}`);
    return value;
  };
}

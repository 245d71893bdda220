import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { InvalidArgumentError, type Command } from "commander";
import { dialects as builtIn } from "../../../bridges/index.js";
import { isLocalDoor, isLocalUrl } from "../../config/index.js";
import { Fault } from "../../core/index.js";
import { readRegular } from "../../storage/index.js";
import type { AnyDialect, Phrasebook } from "../../dialect/index.js";
import { loadDialects } from "../../dialect-files.js";
import { newTally, runLoad, type Load, type OpenPair } from "../bench/load.js";
import { benchResult, benchTable, showProgress } from "../bench/report.js";
import { findBroker, watchBroker, type BrokerChoice } from "../operator.js";
import { exitCodes } from "../exit.js";
import { runsDialects } from "../flags.js";
import { openRelay } from "../door-relay.js";
import { print, say, type Output } from "../output.js";
import { onEndSignals } from "../signals.js";

/** How a client speaks a dialect, and where. */
interface Spoken {
  readonly path: string;
  readonly phrasebook: Phrasebook;
}

/** How pairs can come in besides ZeroMQ: in a dialect that agents speak and that has a phrasebook, by its name. */
function spokenOf(dialects: readonly AnyDialect[]): ReadonlyMap<string, Spoken> {
  return new Map(
    dialects.flatMap(({ name, paths: [path], phrasebook }) =>
      path === undefined || phrasebook === undefined || phrasebook.isForViewers === true
        ? []
        : [[name, { path, phrasebook }] as const],
    ),
  );
}

/** The default rate of each pair, messages per second: the broker's default limits allow it. */
const usualRate = (speech: Spoken | undefined): number => speech?.phrasebook.perSecond ?? 1_000;

/** The longest text, bytes: `zmqFrameMaxBytes` and `wsFrameMaxBytes` must leave room for the envelope around it. */
const sizeMax = (speech: Spoken | undefined): number => (speech === undefined ? 1_000_000 : 60_000);

interface Options extends BrokerChoice, Output {
  readonly via: string;
  readonly dialect?: readonly string[];
  readonly pairs: number;
  readonly seconds: number;
  readonly size: number;
  readonly rate?: number;
  readonly yes?: true;
}

/** `broker bench`: puts load on the running broker through its real doors. */
export function benchCommand(program: Command): void {
  const builtInSpoken = spokenOf(builtIn);
  const doors = ["zmq", ...builtInSpoken.keys()];
  program
    .command("bench")
    .description("put load on the running broker: pairs of clients, one of which sends to the other")
    .option("--via <door>", `the door that they use: ${doors.join(", ")}, or a dialect of --dialect`, "zmq")
    .option("--dialect <file...>", `dialects from elsewhere; ${runsDialects}`)
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
        `${doors.map((via) => `${via} ${usualRate(builtInSpoken.get(via))}`).join(", ")}, ` +
        "which the broker's default limits allow)",
      number(0, 10_000, "any"),
    )
    .option("--yes", "also where other machines can reach the door")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { via, pairs, seconds, size } = options;
      const speech = await speechOf(via, options.dialect ?? []);
      const { rate = usualRate(speech) } = options;
      if (size > sizeMax(speech))
        throw new Fault("malformed", `--size: a text via ${via} has at most ${sizeMax(speech)} bytes`);
      const { open, close } = await through(speech, options);
      const interrupted = new AbortController();
      const unhear = onEndSignals(
        ["SIGINT", "SIGTERM"],
        () => {
          interrupted.abort();
        },
        () => process.exit(exitCodes.failed),
      );
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
        unhear();
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

/** How a dialect is spoken; undefined for ZeroMQ. @throws Fault malformed, unavailable, naming the remedy */
async function speechOf(via: string, files: readonly string[]): Promise<Spoken | undefined> {
  if (via === "zmq") return undefined;
  const loaded = await loadDialects(files.map((written) => ({ written, path: resolve(written) })));
  const spoken = spokenOf([...builtIn, ...loaded.values()]);
  const speech = spoken.get(via);
  if (speech !== undefined) return speech;
  const known = ["zmq", ...spoken.keys()].join(", ");
  throw new Fault("malformed", `--via: there is no door ${via}; give one of ${known}, or its file by --dialect`);
}

/** Finds out how pairs connect through a door of the running broker. @throws Fault unavailable, forbidden */
async function through(
  speech: Spoken | undefined,
  options: Options,
): Promise<{ readonly open: OpenPair; readonly close: () => Promise<void> }> {
  const { in: zmqIn, out, data } = findBroker(options);
  const door = speech === undefined ? undefined : data.readEndpoints()?.ws[0];
  const isLocal =
    door === undefined ? isLocalUrl(zmqIn) && isLocalUrl(out) : isLocalDoor(door.replace(/^wss?:\/\//, ""));
  if (!isLocal && options.yes !== true) {
    throw new Fault(
      "forbidden",
      `other machines can reach ${door ?? (isLocalUrl(zmqIn) ? out : zmqIn)}, ` +
        "and its users will notice the load: say --yes if it is meant",
    );
  }
  if (speech === undefined) {
    const { zmqPairs } = await import("../bench/pair-zmq.js");
    return { open: zmqPairs({ in: zmqIn, out }), close: () => Promise.resolve() };
  }
  if (door === undefined)
    throw new Fault("unavailable", "the broker has no WebSocket door for all dialects; start it with --ws HOST:PORT");
  const { url, close } = await openRelay(door);
  const { dialectPairs } = await import("../bench/pair-dialect.js");
  const token = readRegular(data.file("pan-token")).toString("utf8").trim();
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

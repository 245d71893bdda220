import { once } from "node:events";
import type { Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import type { Command } from "commander";
import type { Viewer } from "../../../clients/typescript/visualisation/index.js";
import { Fault } from "../../core/index.js";
import { outputWidth } from "../columns.js";
import { openRelay } from "../door-relay.js";
import { exitCodes } from "../exit.js";
import { findBroker, watchBroker, type BrokerChoice } from "../operator.js";
import { dataLines, endUnwritten, finished, jsonLine, painter, steerless, type Output } from "../output.js";
import { count } from "../quantities.js";
import { onEndSignals } from "../signals.js";
import { TopPicture } from "../top/picture.js";
import { topLines, type LossLine, type RoomLine, type TopFacts } from "../top/top-text.js";

interface Options extends BrokerChoice, Output {
  readonly count?: number;
}

/** How often it is shown, milliseconds. */
const eachMs = 1_000;
/** How many lines a terminal has that does not know it. */
const unknownHeight = 24;
const unknownWidth = 80;

/** `broker top`: agents with their states and rates, rooms and reasons, each second; plain text into a pipe. */
export function topCommand(program: Command): void {
  program
    .command("top")
    .description(
      "watch agents: state, messages a second, what waits; rooms, and what was counted by its reason; each second",
    )
    .option("--count <n>", "end after showing it so often", count)
    .action(async (_options: unknown, command: Command) => {
      // Without exit, a reader that has stopped would keep the process alive for ever.
      process.exit(await top(command.optsWithGlobals<Options>()));
    });
}

/** @returns the exit code @throws Fault unavailable, forbidden, with the remedy */
async function top(options: Options): Promise<number> {
  const over = new AbortController();
  onEndSignals(
    ["SIGINT", "SIGTERM"],
    () => {
      over.abort("asked");
    },
    () => process.exit(exitCodes.failed),
  );
  const { data, token } = findBroker(options);
  const [door] = data.readEndpoints()?.ws ?? [];
  if (door === undefined) throw new Fault("unavailable", `the broker of ${data.path} has no WebSocket door (--ws)`);
  const unwatch = watchBroker(data, () => {
    over.abort("ended");
  });
  const relay = await openRelay(door);
  const { Viewer } = await import("../../../clients/typescript/visualisation/index.js");
  // One connection at `/` has agents and commands alike (Visualisation §1.1).
  const viewer = new Viewer(`${relay.url}/`, {
    token,
    streams: ["agent.state.changed", "agent.performance.update", "system.metrics"],
    binary: false,
    clientId: "broker top",
  });
  const lines = dataLines();
  lines.on("error", endUnwritten("broker"));
  try {
    const watched = watch(viewer);
    await viewer.connect();
    await show(viewer, watched, lines, options, over.signal);
  } catch (thrown) {
    if (!over.signal.aborted) throw thrown;
  } finally {
    unwatch();
    await viewer.close();
    await relay.close();
    await finished(lines);
  }
  if (over.signal.reason === "ended") throw new Fault("unavailable", `the broker of ${data.path} has ended`);
  return exitCodes.done;
}

/** What the broker has told so far. */
interface Watched {
  readonly picture: TopPicture;
  system: TopFacts["system"] | undefined;
}

function watch(viewer: Viewer): Watched {
  const picture = new TopPicture();
  const watched: Watched = { picture, system: undefined };
  viewer.onClosed = () => {
    picture.clear();
  };
  viewer.on("agent.registered", ({ payload }) => {
    picture.announced(payload);
  });
  viewer.on("agent.state.changed", ({ payload }) => {
    picture.changed(payload);
  });
  viewer.on("agent.performance.update", ({ payload }) => {
    picture.counted(payload, performance.now());
  });
  viewer.on("system.metrics", ({ payload }) => {
    watched.system = systemOf(payload);
  });
  return watched;
}

/** As this package's own broker says it. */
function systemOf(payload: Readonly<Record<string, unknown>>): TopFacts["system"] {
  const { totalAgents, activeAgents, messageMetrics, alerts } = payload as {
    totalAgents: number;
    activeAgents: number;
    messageMetrics: { rate: number | null; queueDepth: number; errorRate: number | null };
    alerts: TopFacts["system"]["alerts"];
  };
  return { totalAgents, activeAgents, ...messageMetrics, alerts };
}

async function show(
  viewer: Viewer,
  watched: Watched,
  lines: Writable,
  { json, count: times = Infinity }: Options,
  signal: AbortSignal,
): Promise<void> {
  const isScreen = json !== true && process.stdout.isTTY && process.env["TERM"] !== "dumb";
  const paint = painter(process.stdout.isTTY, process.env);
  for (let shown = 0; shown < times && !signal.aborted; shown += 1) {
    await pause(eachMs, undefined, { signal });
    const facts = await factsOf(viewer, watched);
    if (facts === undefined) continue;
    const [width, height] = isScreen
      ? [outputWidth() ?? unknownWidth, process.stdout.rows > 0 ? process.stdout.rows : unknownHeight]
      : [outputWidth(), undefined];
    const text = topLines(facts, width, height, paint);
    const written = json === true ? jsonLine(facts) : isScreen ? screen(text) : steerless(`${text.join("\n")}\n`);
    if (!lines.write(json === true || !isScreen ? `${written}\n` : written)) await once(lines, "drain", { signal });
  }
}

/** Undefined: nothing has been told yet. */
async function factsOf(viewer: Viewer, { picture, system }: Watched): Promise<TopFacts | undefined> {
  if (system === undefined || viewer.session === undefined) return undefined;
  const [rooms, losses] = await Promise.all([viewer.ask("rooms.list"), viewer.ask("losses")]);
  return {
    time: new Date().toTimeString().slice(0, 8),
    system,
    agents: picture.lines(performance.now()),
    rooms: (rooms as { rooms: readonly RoomLine[] }).rooms,
    losses: (losses as { losses: readonly LossLine[] }).losses,
  };
}

/** Lines over what the terminal shows (ECMA-48: cursor to the corner, the rest of each line and of the page erased). */
function screen(lines: readonly string[]): string {
  return `\u001b[H${lines.map((line) => `${line}\u001b[K\n`).join("")}\u001b[J`;
}

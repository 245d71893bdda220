import { InvalidArgumentError, Option, type Command } from "commander";
import { once } from "node:events";
import type { Agent } from "../../../clients/typescript/agent/index.js";
import { Fault, messageTypes, subscriptionKind, type Envelope } from "../../core/index.js";
import { exitCodes } from "../exit.js";
import { brokerComes, connectOperator, findBroker, watchBroker, type BrokerChoice } from "../operator.js";
import {
  dataLines,
  endUnwritten,
  finished,
  jsonLine,
  painter,
  say,
  untrustedText,
  type Output,
  type Paint,
} from "../output.js";
import { checkTap, tapFilter, type TapFilter } from "../tap-filter.js";

/** A restart is over long before; without it a tap in a script would wait for ever, milliseconds. */
const backMs = 60_000;

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
      // A reader that has stopped would keep the process for ever.
      process.exit(await tap(topics, options));
    });
}

/**
 * Shows what passes, over restarts of the broker, until a signal, the last of `count`, or a broker that stays away.
 * @returns the exit code
 */
async function tap(topics: readonly string[], options: Options): Promise<number> {
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.once(name, () => {
      interrupted.abort();
    });
  }
  const screen = new Screen(tapFilter(topics, options), options, interrupted.signal);
  for (let isFirst = true; ; isFirst = false) {
    const operator = await connectOperator(options, { hearOwn: true, inboxMax: 100_000 });
    // A tap changes nothing: to subscribe a room would be to join it.
    for (const topic of topics.length > 0 && topics.every((one) => subscriptionKind(one) === "prefix") ? topics : [""])
      operator.subscribe(topic);
    say(
      isFirst
        ? `listening to ${topics.length === 0 ? "everything" : topics.join(" ")}; Ctrl-C ends it`
        : "the broker is back: what passed meanwhile is not shown",
    );
    const { data } = findBroker(options);
    const lost = new AbortController();
    const end = watchBroker(data, () => {
      lost.abort();
      void operator.close();
    });
    await screen.show(operator);
    end();
    if (!lost.signal.aborted || screen.isOver) break;
    say(`the broker has gone; waiting up to ${backMs / 1_000} s for it, Ctrl-C ends it`);
    if (await brokerComes(data, backMs, interrupted.signal)) continue;
    await screen.end();
    if (interrupted.signal.aborted) return exitCodes.done;
    throw new Fault("unavailable", `no broker has come back on ${data.path}; start one with: broker start`);
  }
  await screen.end();
  return exitCodes.done;
}

/** Where messages are printed. */
class Screen {
  readonly #isShown: (envelope: Envelope) => boolean;
  readonly #interrupted: AbortSignal;
  readonly #count: number;
  readonly #line: (envelope: Envelope) => string;
  readonly #lines = dataLines();
  #shown = 0;
  #dropped = 0;

  constructor(isShown: (envelope: Envelope) => boolean, { json, count = Infinity }: Options, interrupted: AbortSignal) {
    this.#isShown = isShown;
    this.#interrupted = interrupted;
    this.#count = count;
    const paint = painter(process.stdout.isTTY, process.env);
    this.#line = json === true || !process.stdout.isTTY ? wireLine : (envelope) => personLine(envelope, paint);
    this.#lines.on("error", endUnwritten("broker"));
  }

  /** `--count` messages were shown, or a signal has ended it. */
  get isOver(): boolean {
    return this.#shown >= this.#count || this.#interrupted.aborted;
  }

  /** Prints what fits of what this agent hears, until it is closed, or there is enough. */
  async show(operator: Agent): Promise<void> {
    const close = (): void => {
      void operator.close();
    };
    this.#interrupted.addEventListener("abort", close, { once: true });
    if (this.#interrupted.aborted) close();
    for await (const envelope of operator) {
      if (this.#interrupted.aborted) break;
      if (!this.#isShown(envelope)) continue;
      const hasRoom = this.#lines.write(`${this.#line(envelope)}\n`);
      if (!hasRoom) await once(this.#lines, "drain", { signal: this.#interrupted }).catch(() => undefined);
      this.#shown += 1;
      if (this.isOver) break;
    }
    this.#interrupted.removeEventListener("abort", close);
    this.#dropped += operator.dropped;
  }

  async end(): Promise<void> {
    if (this.#dropped > 0) say(`${this.#dropped} messages were not shown: whoever reads this output is too slow`);
    await finished(this.#lines);
  }
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("give a whole number, 1 or more");
  return value;
}

/** A message as one line of JSON, with the keys that it has on the wire. */
export function wireLine({ other, ...fields }: Envelope): string {
  return jsonLine({ ...other, ...fields });
}

/** A message as a person reads it: local time, who to whom, what it is, its text. */
export function personLine(
  { timestamp, received_at: received, from, to, type, content, replay }: Envelope,
  paint: Paint,
): string {
  const kind = content.kind === undefined ? "" : ` ${paint("dim", `[${untrustedText(content.kind)}]`)}`;
  const what = paint("dim", `${type}${replay === true ? " (again)" : ""}`);
  const receiver = paint(to.startsWith("#") ? "cyan" : "yellow", untrustedText(to));
  return `${paint("dim", clockTime(received ?? timestamp))} ${paint("green", untrustedText(from))} → ${receiver} ${what}${kind}: ${untrustedText(content.message)}`;
}

/** `12:34:56.789` here, of an ISO 8601 time. */
function clockTime(timestamp: string): string {
  const time = new Date(timestamp);
  if (Number.isNaN(time.getTime())) return untrustedText(timestamp);
  return `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

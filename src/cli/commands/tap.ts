import { Option, type Command } from "commander";
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
import { count } from "../quantities.js";
import { onEndSignals } from "../signals.js";
import { checkTap, hidesBroker, tapFilter, type TapFilter } from "../tap-filter.js";

/** How long a tap waits for a broker to come back, milliseconds: longer than a restart takes, but not for ever. */
const backMs = 60_000;

interface Options extends BrokerChoice, Output, TapFilter {
  readonly count?: number;
}

/** `broker tap [topic…]`: prints the messages that pass, until it is interrupted or has shown `--count` of them. */
export function tapCommand(program: Command): void {
  program
    .command("tap")
    .argument("[topics...]", "only these topics: a name, '#room', a prefix ending in . / or :  (default: everything)")
    .description("print the messages that pass; one JSON line each with --json or into a pipe")
    .option("--from <name>", "only messages of this agent")
    .option("--to <topic>", "only messages to this agent, '#room' or all")
    .addOption(new Option("--type <type>", "only messages of this type").choices(messageTypes))
    .option("--kind <kind>", "only this content.kind; chat: plain text")
    .option("--all", "also what is asked of $broker, its answers, and $events")
    .option("--count <n>", "end after this many messages", count)
    .action(async (named: readonly string[], _options: unknown, command: Command) => {
      const topics = named.includes("") ? [] : named;
      const options = command.optsWithGlobals<Options>();
      checkTap(topics, options);
      // Without exit, a reader that has stopped would keep the process alive for ever.
      process.exit(await tap(topics, options));
    });
}

/**
 * Shows the messages that pass, also after restarts of the broker, until a signal or the last of `count`.
 * @returns the exit code
 * @throws Fault unavailable if the broker has ended and none comes back within `backMs`
 */
async function tap(topics: readonly string[], options: Options): Promise<number> {
  const interrupted = new AbortController();
  onEndSignals(
    ["SIGINT", "SIGTERM"],
    () => {
      interrupted.abort();
    },
    () => process.exit(exitCodes.failed),
  );
  const output = new TapOutput(tapFilter(topics, options), options, interrupted.signal);
  for (let isFirst = true; ; isFirst = false) {
    const operator = await connectOperator(options, { hearOwn: true, inboxMax: 100_000 });
    // A tap must not change anything, and to subscribe to a room is to join it: so it hears everything and filters.
    for (const topic of topics.length > 0 && topics.every((one) => subscriptionKind(one) === "prefix") ? topics : [""])
      operator.subscribe(topic);
    say(
      isFirst
        ? `listening to ${topics.length === 0 ? "everything" : topics.join(" ")}` +
            `${hidesBroker(topics, options) ? " but $broker and $events (--all)" : ""}; Ctrl-C ends it`
        : "the broker is back: messages that passed meanwhile are not shown",
    );
    const { data } = findBroker(options);
    const lost = new AbortController();
    const end = watchBroker(data, () => {
      lost.abort();
      void operator.close();
    });
    await output.show(operator);
    end();
    if (!lost.signal.aborted || output.isOver) break;
    say(`the broker has ended; waiting up to ${backMs / 1_000} s for it to come back, Ctrl-C ends it`);
    if (await brokerComes(data, backMs, interrupted.signal)) continue;
    await output.end();
    if (interrupted.signal.aborted) return exitCodes.done;
    throw new Fault("unavailable", `no broker has come back on ${data.path}; start one with: broker start`);
  }
  await output.end();
  return exitCodes.done;
}

/** Prints the messages that the filter lets pass. */
class TapOutput {
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

  /** True if `--count` messages were shown, or a signal has ended the tap. */
  get isOver(): boolean {
    return this.#shown >= this.#count || this.#interrupted.aborted;
  }

  /** Prints the messages of this agent that the filter lets pass, until it is closed or `isOver`. */
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
    if (this.#dropped > 0) say(`${this.#dropped} messages were not shown: the reader of this output is too slow`);
    await finished(this.#lines);
  }
}

/** A message as one line of JSON, with the keys that it has on the wire. */
function wireLine({ other, ...fields }: Envelope): string {
  return jsonLine({ ...other, ...fields });
}

/** A message for a person: local time, sender and receiver, type and kind, text. */
function personLine(
  { timestamp, received_at: received, from, to, type, content, replay }: Envelope,
  paint: Paint,
): string {
  const kind = content.kind === undefined ? "" : ` ${paint("dim", `[${untrustedText(content.kind)}]`)}`;
  const what = paint("dim", `${type}${replay === true ? " (again)" : ""}`);
  const receiver = paint(to.startsWith("#") ? "cyan" : "yellow", untrustedText(to));
  const at = paint("dim", clockTime(received ?? timestamp));
  const sender = paint("green", untrustedText(from));
  return `${at} ${sender} → ${receiver} ${what}${kind}: ${untrustedText(content.message)}`;
}

/** An ISO 8601 time as local time: `12:34:56.789`. */
function clockTime(timestamp: string): string {
  const time = new Date(timestamp);
  if (Number.isNaN(time.getTime())) return untrustedText(timestamp);
  return `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

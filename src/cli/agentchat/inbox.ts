import type { Command } from "commander";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { events } from "../../../bridges/agentchat/events.js";
import type { InboxPosition } from "../../../clients/typescript/agentchat/daemon.js";
import { ending, jsonLine, painter, say, untrustedText, type Output, type Paint } from "../output.js";
import { mustBeInstance, unknown } from "./daemon.js";
import { messageLine, negotiationLine, ownPresenceLine, presenceLine } from "./event-lines.js";
import { untilInterrupted } from "./exit.js";

interface Options extends Output {
  readonly name: string;
  readonly new?: boolean;
  readonly follow?: boolean;
}

/** How often a followed inbox is looked at, milliseconds. */
const lookMs = 250;

/** `agentchat inbox`: what a daemon has heard (AgentChat §9.5), also only what is new since the last time. */
export function inboxCommand(program: Command): void {
  program
    .command("inbox")
    .description("print what a daemon of this folder has heard")
    .option("-n, --name <name>", "the daemon's instance", "default")
    .option("--new", "only what is new since the last --new")
    .option("-f, --follow", "go on printing what comes, until it is interrupted")
    .option("--json", "print data as JSON, one line each")
    .action(async (options: Options) => {
      mustBeInstance(options.name);
      if (options.follow !== true) await printNew(options, await beginning(options));
      else await follow(options);
    });
}

async function follow(options: Options): Promise<void> {
  const stop = new AbortController();
  const interrupted = untilInterrupted().then(() => {
    stop.abort();
  });
  const following = printOn(options, stop.signal);
  try {
    await Promise.race([interrupted, following]);
  } finally {
    stop.abort();
    await ending(following);
  }
}

async function printOn(options: Options, signal: AbortSignal): Promise<void> {
  let position = await beginning(options);
  while (!signal.aborted) {
    position = await printNew(options, position);
    await pause(lookMs, undefined, { signal }).catch(() => undefined); // ended by the signal
  }
}

/** Where to begin; undefined: with all that is there. @throws Error if there is no such daemon */
async function beginning({ name, new: isNew }: Options): Promise<InboxPosition | undefined> {
  const { getDaemonPaths, getDaemonStatus, listDaemons, loadPosition } = await daemons();
  const all = listDaemons();
  if (!all.some(({ instance }) => instance === name)) throw new Error(unknown(name, all));
  const { running, connected, lastError } = getDaemonStatus(name);
  if (!running)
    say(
      `agentchat: daemon ${name} does not run, so nothing new comes; agentchat daemon SERVER --name ${name} starts it`,
    );
  else if (!connected) say(`agentchat: daemon ${name} is not connected: ${untrustedText(lastError ?? "not yet")}`);
  return isNew === true ? loadPosition(getDaemonPaths(name).inboxPosition) : undefined;
}

/** Prints what is behind a position. @returns where it ended; with `--new` that is kept once it is printed */
async function printNew(options: Options, position: InboxPosition | undefined): Promise<InboxPosition> {
  const { getDaemonPaths, readNewLines, savePosition } = await daemons();
  const { inbox, inboxPosition } = getDaemonPaths(options.name);
  const { lines, position: next, missed } = readNewLines(inbox, position);
  if (missed) say("agentchat: lines before these are gone: the inbox keeps the last 1,000 to 2,000");
  const paint = painter(process.stdout.isTTY, process.env);
  if (lines.length > 0) await written(lines.map((line) => `${wordsOf(options, line, paint)}\n`).join(""));
  if (options.new === true && JSON.stringify(next) !== JSON.stringify(position)) savePosition(inboxPosition, next);
  return next;
}

function wordsOf({ json }: Output, line: string, paint: Paint): string {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    event = { type: "ERROR", code: "INVALID_MSG", message: "this line of the inbox is no JSON", line };
  }
  return json === true ? jsonLine(event) : eventLine(event, paint);
}

const { MSG, AGENT_JOINED, AGENT_LEFT, JOINED, LEFT, PROPOSAL, ACCEPT, REJECT, COMPLETE, DISPUTE } = events;
const presence = z.union([AGENT_JOINED, AGENT_LEFT]);
const ownPresence = z.union([JOINED, LEFT]);
const step = z.union([PROPOSAL, ACCEPT, REJECT, COMPLETE, DISPUTE]);
/** Servers of other makers have codes of their own. */
const error = z.object({
  type: z.literal("ERROR"),
  code: z.string(),
  message: z.string(),
  line: z.string().exactOptional(),
});

/** An event as a person reads it; as JSON if there are no words for it. */
function eventLine(event: unknown, paint: Paint): string {
  const message = MSG.safeParse(event);
  if (message.success) return messageLine(message.data, paint);
  const change = presence.safeParse(event);
  if (change.success) return presenceLine(change.data, paint);
  const own = ownPresence.safeParse(event);
  if (own.success) return ownPresenceLine(own.data, paint);
  const taken = step.safeParse(event);
  if (taken.success) return negotiationLine(taken.data, paint);
  const refusal = error.safeParse(event);
  if (!refusal.success) return jsonLine(event);
  const { code, message: why, line } = refusal.data;
  return `${paint("red", "refused")} ${untrustedText(`${code}: ${why}${line === undefined ? "" : `: ${line}`}`)}`;
}

/** Done when a reader has taken it, or the system keeps it for one. */
function written(text: string): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(text, () => {
      resolve(); // an error ends the program: endOnClosedPipe
    });
  });
}

function daemons(): Promise<typeof import("../../../clients/typescript/agentchat/daemon.js")> {
  return import("../../../clients/typescript/agentchat/daemon.js");
}

import type { Command } from "commander";
import { exitCodes } from "../exit.js";
import { systemId, textIn, textOf, type NetworkFrame } from "../network/content.js";
import { asAgent, withPlace, type Place } from "../network/place.js";
import { dataLines, endUnwritten, finished, jsonLine, painter, say, untrustedText, type Output } from "../output.js";
import { count } from "../quantities.js";
import { onEndSignals } from "../signals.js";

interface Options extends Place, Output {
  readonly count?: number;
}

/** `broker network listen NAME`: prints what an agent hears, until it is interrupted or has shown `--count` of them. */
export function networkListenCommand(network: Command): void {
  withPlace(network.command("listen"))
    .argument("<name>", "the agent")
    .description("connect as an agent and print what it hears; one JSON line each with --json or into a pipe")
    .option("--count <n>", "end after this many messages", count)
    .action(async (name: string, _options: unknown, command: Command) => {
      const code = await listen(name, command.optsWithGlobals<Options>());
      // Without exit, a reader that has stopped would keep the process alive for ever.
      process.exit(code);
    });
}

/** @returns the exit code. @throws Fault what the login is refused with, and why the connection was lost */
async function listen(name: string, options: Options): Promise<number> {
  const { json, count: wanted = Infinity } = options;
  const lines = dataLines();
  lines.on("error", endUnwritten("broker"));
  const isData = json === true || !process.stdout.isTTY;
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  onEndSignals(["SIGINT", "SIGTERM"], end, () => process.exit(exitCodes.failed));
  let shown = 0;
  const show = (frame: NetworkFrame): void => {
    if (shown >= wanted || !isNews(frame)) return;
    lines.write(`${isData ? jsonLine(frame) : personLine(frame)}\n`);
    shown += 1;
    if (lines.writableLength > unreadMaxBytes) {
      say("the reader of this output is too slow");
      end();
    } else if (shown >= wanted) end();
  };
  try {
    await asAgent(name, options, show, async (connection) => {
      say(`listening as ${name}; Ctrl-C ends it`);
      await Promise.race([ended, connection.lost]);
    });
  } finally {
    await finished(lines);
  }
  return exitCodes.done;
}

/** What waits for a reader that has stopped is bounded, bytes. */
const unreadMaxBytes = 16 * 1024 * 1024;

/** What concerns the connection alone is no news. */
function isNews({ senderId, messageType }: NetworkFrame): boolean {
  return senderId !== systemId || (messageType !== "CONNECTED" && messageType !== "ACK");
}

/** A frame for a person: local time, sender, type and kind, text. */
function personLine(frame: NetworkFrame): string {
  const { senderId, recipientId, messageType, content } = frame;
  const paint = painter(process.stdout.isTTY, process.env);
  const kind = textIn(content, "queryType");
  const type = paint("dim", untrustedText(kind === "" || kind === "CUSTOM" ? messageType : `${messageType} ${kind}`));
  const to = paint(recipientId.startsWith("#") ? "cyan" : "yellow", untrustedText(recipientId));
  const at = paint("dim", new Date().toTimeString().slice(0, 8));
  return `${at} ${paint("green", untrustedText(senderId))} → ${to} ${type}: ${untrustedText(textOf(frame))}`;
}

import type { Command } from "commander";
import { ending, jsonLine, say, untrustedText } from "../output.js";
import { lostForGood, lostWords, openChat, retryingRateLimits, type Chat } from "./chat.js";
import { failureLine, untilInterrupted } from "./exit.js";
import { EventLines, lostLine } from "./event-lines.js";
import { channelNames, talks, type TalkOptions } from "./options.js";

/**
 * `agentchat listen`: prints every event as one JSON line, until it is interrupted, or its output has no reader, or one
 * that is too slow.
 */
export function listenCommand(program: Command): void {
  talks(
    program
      .command("listen")
      .argument("<server>", "ws://HOST:PORT")
      .argument(
        "[channels...]",
        "'#channel', in quotes; several with spaces or commas between them (default: '#general')",
      )
      .description("print what is said, one JSON line each"),
  ).action(async (server: string, names: readonly string[], options: TalkOptions) => {
    const channels = names.length === 0 ? ["#general"] : channelNames(names);
    const chat = await openChat(
      server,
      options,
      { instead: "read its inbox.jsonl, which has what it hears" },
      { reconnect: true },
    );
    const lines = new EventLines();
    const ended = Promise.race([untilInterrupted(), lostForGood(chat), lines.tooSlow]);
    const stop = new AbortController();
    try {
      printEvents(chat, lines);
      const end = await Promise.race([ended, enter(chat, channels, stop.signal).then(() => ended)]);
      if (typeof end === "object") throw lostWords(end);
    } finally {
      stop.abort();
      await ending(chat.disconnect(), lines.end());
    }
  });
}

async function enter(chat: Chat, channels: readonly string[], signal: AbortSignal): Promise<void> {
  for (const channel of channels) await retryingRateLimits(() => chat.join(channel), signal);
  say(`listening to ${channels.join(" ")} as ${untrustedText(chat.agentId ?? "?")}; Ctrl-C ends it`);
}

function printEvents(chat: Chat, lines: EventLines): void {
  const line = (event: unknown): void => {
    lines.write(jsonLine(event));
  };
  chat.on("message", line);
  chat.on("other", line);
  for (const type of ["agent_joined", "agent_left"] as const) chat.on(type, line);
  for (const type of ["proposal", "accept", "reject", "complete", "dispute"] as const) chat.on(type, line);
  chat.on("error", (error) => {
    say(`agentchat: ${failureLine(error)}`);
  });
  chat.on("reconnecting", ({ inMs }) => {
    say(`agentchat: ${lostLine(inMs)}`);
  });
  chat.on("open", () => {
    say(`agentchat: connected again, as ${untrustedText(chat.agentId ?? "?")}`);
  });
}

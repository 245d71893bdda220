import type { Command } from "commander";
import { ending, jsonLine, say } from "../output.js";
import { openChat, type Chat } from "./chat.js";
import { failureLine } from "./exit.js";
import { untrustedText } from "../output.js";
import { HeardLines } from "./event-lines.js";
import { lostForGood } from "./chat.js";
import { talks, type TalkOptions } from "./options.js";
import { patiently } from "./chat.js";
import { channelNames } from "./options.js";
import { untilInterrupted } from "./exit.js";

/**
 * `agentchat listen`: everything that is heard, one JSON line each, until interrupted, or nobody reads it any more or
 * fast enough.
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
    const chat = await openChat(server, options, {
      reconnect: true,
      byFiles: { instead: "read its inbox.jsonl, which has what it hears" },
    });
    const lines = new HeardLines();
    const ended = Promise.race([untilInterrupted(), lostForGood(chat), lines.tooSlow]);
    const stop = new AbortController();
    try {
      printEvents(chat, lines);
      const end = await Promise.race([ended, enter(chat, channels, stop.signal).then(() => ended)]);
      if (end === "lost")
        throw new Error("the server closed the connection for good; is this identity in use elsewhere?");
    } finally {
      stop.abort();
      await ending(chat.disconnect(), lines.end());
    }
  });
}

async function enter(chat: Chat, channels: readonly string[], signal: AbortSignal): Promise<void> {
  for (const channel of channels) await patiently(() => chat.join(channel), signal);
  say(`listening to ${channels.join(" ")} as ${untrustedText(chat.agentId ?? "?")}; Ctrl-C ends it`);
}

function printEvents(chat: Chat, lines: HeardLines): void {
  const line = (event: unknown): void => {
    lines.write(jsonLine(event));
  };
  chat.on("message", line);
  for (const type of ["agent_joined", "agent_left"] as const) chat.on(type, line);
  for (const type of ["proposal", "accept", "reject", "complete", "dispute"] as const) chat.on(type, line);
  chat.on("error", (error) => {
    say(`agentchat: ${failureLine(error)}`);
  });
  chat.on("reconnecting", ({ inMs }) => {
    say(`agentchat: the connection is lost; the next try is in ${Math.ceil(inMs / 1_000)} s`);
  });
  chat.on("open", () => {
    say(`agentchat: connected again, as ${untrustedText(chat.agentId ?? "?")}`);
  });
}

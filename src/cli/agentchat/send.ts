import type { Command } from "commander";
import { print, say as tell } from "../output.js";
import { withChat } from "./chat.js";
import { talks, type TalkOptions } from "./options.js";
import { say } from "./said.js";
import { target } from "./target.js";

/** `agentchat send`: connects, says one thing, leaves. A refusal of it is an error here. */
export function sendCommand(program: Command): void {
  talks(
    program
      .command("send")
      .argument("<server>", "ws://HOST:PORT")
      .argument("<target>", "'#channel' (in quotes) or @agent-id")
      .argument("<message>", "what to say; put -- before it if it starts with -")
      .description("say one thing to a channel or an agent"),
  ).action(async (server: string, to: string, message: string, options: TalkOptions) => {
    const at = target(to);
    const from = await withChat(server, options, async (chat) => {
      await say(chat, at, message);
      return chat.agentId;
    });
    if (options.json === true) print(options, { from, to: at }, () => "");
    else tell(`sent to ${at}`);
  });
}

import type { Command } from "commander";
import { openChat } from "./chat.js";
import { painter } from "./console-lines.js";
import { Screen } from "./console-screen.js";
import { ConsoleSession } from "./console-session.js";
import { lostForGood } from "./lost.js";
import { withWho, type WhoOptions } from "./options.js";
import { untilInterrupted } from "./until.js";

/** `agentchat connect`: a session for a person at a terminal, or for lines from a pipe. */
export function connectCommand(program: Command): void {
  withWho(program.command("connect").argument("<server>", "ws://HOST:PORT").description("talk: what you type goes to the channel, /help lists the rest")).action(
    async (server: string, options: WhoOptions) => {
      const terminal = process.stdin.isTTY && process.stdout.isTTY;
      // What one says stands where it was typed: no echo.
      const chat = await openChat(server, options, { echo: false, reconnect: true });
      const screen = new Screen(terminal);
      const paint = painter(terminal, process.env);
      void untilInterrupted().then(() => {
        screen.close();
      });
      try {
        screen.notice(paint("dim", `connected to ${server} as ${chat.agentId ?? "?"}; /help lists what you can type`));
        const end = await Promise.race([new ConsoleSession(chat, screen, paint).run(), lostForGood(chat)]);
        if (end === "lost") throw new Error("the server closed the connection for good; is this identity in use elsewhere?");
      } finally {
        screen.close();
        await chat.disconnect();
      }
    },
  );
}

import type { Command } from "commander";
import { openChat } from "./chat.js";
import { painter } from "./console-lines.js";
import { Screen } from "./console-screen.js";
import { ConsoleSession } from "./console-session.js";
import { exitCodes } from "./exit.js";
import { lostForGood } from "./lost.js";
import { withWho, type WhoOptions } from "./options.js";

/** `agentchat connect`: a session for a person at a terminal, or for lines from a pipe. */
export function connectCommand(program: Command): void {
  withWho(program.command("connect").argument("<server>", "ws://HOST:PORT").description("talk: what you type goes to the channel, /help lists the rest")).action(
    async (server: string, options: WhoOptions) => {
      const terminal = process.stdin.isTTY && process.stdout.isTTY;
      // What one says stands where it was typed: no echo.
      const chat = await openChat(server, options, { echo: false, reconnect: true, byFiles: { instead: "read its inbox.jsonl and write to its outbox.jsonl" } });
      let interrupted = (): void => undefined;
      const screen = new Screen(terminal, () => {
        interrupted();
      });
      const paint = painter(terminal, process.env);
      const session = new ConsoleSession(chat, screen, paint);
      interrupted = endingTwice(session, screen);
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, interrupted);
      try {
        screen.notice(paint("dim", `connected to ${server} as ${chat.agentId ?? "?"}; /help lists what you can type`));
        const end = await Promise.race([session.run(), lostForGood(chat)]);
        if (end === "lost") throw new Error("the server closed the connection for good; is this identity in use elsewhere?");
      } finally {
        screen.close();
        await chat.disconnect();
      }
    },
  );
}

/** What Ctrl-C does: the first time what was typed is still done, which the server's rate may make slow; the second time it is dropped. */
function endingTwice(session: ConsoleSession, screen: Screen): () => void {
  let phase: "running" | "ending" = "running";
  return () => {
    const { pending } = session;
    const lines = pending === 1 ? "1 line" : `${pending} lines`;
    if (phase === "running") {
      phase = "ending";
      screen.close();
      if (pending > 0) screen.notice(`${lines} still to send; Ctrl-C again drops ${pending === 1 ? "it" : "them"}`);
      return;
    }
    screen.notice(pending === 0 ? "agentchat: ended at once" : `agentchat: ended at once; ${lines} dropped`);
    process.exit(exitCodes.failed);
  };
}

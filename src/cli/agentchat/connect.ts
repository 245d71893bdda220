import type { Command } from "commander";
import { ending } from "../output.js";
import { openChat } from "./chat.js";
import { painter } from "./painter.js";
import { Screen } from "./console-screen.js";
import { ConsoleSession } from "./console-session.js";
import { CommandFailure, exitCodes } from "./exit.js";
import { untrustedText } from "./harmless.js";
import { lostForGood } from "./lost.js";
import { withWho, type WhoOptions } from "./options.js";

/** `agentchat connect`: a session for a person at a terminal, or for lines from a pipe. */
export function connectCommand(program: Command): void {
  withWho(
    program
      .command("connect")
      .argument("<server>", "ws://HOST:PORT")
      .description("talk: what you type goes to the channel, /help lists the rest"),
  ).action(async (server: string, options: WhoOptions) => {
    // What one says stands where it was typed: no echo.
    const chat = await openChat(server, options, {
      echo: false,
      reconnect: true,
      byFiles: { instead: "read its inbox.jsonl and write to its outbox.jsonl" },
    });
    const screen = new Screen(process.stdin.isTTY && process.stdout.isTTY);
    const paint = {
      data: painter(process.stdout.isTTY, process.env),
      notice: painter(process.stderr.isTTY, process.env),
    };
    const stop = new AbortController();
    const session = new ConsoleSession(chat, screen, paint, stop.signal);
    const interrupted = untilDropped(session, screen);
    try {
      screen.notice(
        paint.notice(
          "dim",
          `connected to ${server} as ${untrustedText(chat.agentId ?? "?")}; /help lists what you can type`,
        ),
      );
      const end = await Promise.race([session.run(), lostForGood(chat), interrupted, screen.tooSlow]);
      if (end === "lost")
        throw new Error("the server closed the connection for good; is this identity in use elsewhere?");
      if (typeof end === "number" && end > 0)
        throw new CommandFailure(exitCodes.failed, `ended at once; ${linesOf(end)} dropped`);
    } finally {
      stop.abort();
      await ending(chat.disconnect(), screen.end());
    }
  });
}

/**
 * Resolves with the number of lines that are dropped, when a signal says that the session ends at once: SIGTERM, or
 * Ctrl-C where nothing that was typed waits.
 * Where something does, the first Ctrl-C has it still done, which the server's rate may make slow, and the second drops
 * it.
 */
function untilDropped(session: ConsoleSession, screen: Screen): Promise<number> {
  return new Promise((resolve) => {
    let phase: "running" | "ending" = "running";
    const end = (signal: NodeJS.Signals): void => {
      const { pending } = session;
      screen.close();
      if (signal === "SIGTERM" || phase === "ending" || pending === 0) {
        resolve(pending);
        return;
      }
      phase = "ending";
      screen.notice(`${linesOf(pending)} still to send; Ctrl-C again drops ${pending === 1 ? "it" : "them"}`);
    };
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, end);
  });
}

function linesOf(count: number): string {
  return count === 1 ? "1 line" : `${count} lines`;
}

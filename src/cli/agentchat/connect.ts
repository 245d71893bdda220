import type { Command } from "commander";
import { ending, painter, untrustedText, type Paint } from "../output.js";
import { channelTable, rosterTable } from "./channels.js";
import { lostForGood, lostWords, openChat, retryingRateLimits, type Chat } from "./chat.js";
import { consoleHelp, readLine, type Typed } from "./console-input.js";
import { Screen } from "./console-screen.js";
import { deliver } from "./delivery.js";
import { lostLine, messageLine, negotiationLine, presenceLine } from "./event-lines.js";
import { CommandFailure, exitCodes, failureLine } from "./exit.js";
import { withWho, type WhoOptions } from "./options.js";

/** `agentchat connect`: a session for a person at a terminal, or for lines from a pipe. */
export function connectCommand(program: Command): void {
  withWho(
    program
      .command("connect")
      .argument("<server>", "ws://HOST:PORT")
      .description("talk: what you type goes to the channel, /help lists the rest"),
  ).action(async (server: string, options: WhoOptions) => {
    // No echo: the terminal already shows what was typed.
    const chat = await openChat(
      server,
      options,
      { instead: "read its inbox.jsonl and write to its outbox.jsonl" },
      { echo: false, reconnect: true },
    );
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
      if (typeof end === "object") throw lostWords(end);
      if (typeof end === "number" && end > 0)
        throw new CommandFailure(exitCodes.failed, `ended at once; ${linesOf(end)} dropped`);
    } finally {
      stop.abort();
      await ending(chat.disconnect(), screen.end());
    }
  });
}

/**
 * Resolves when a signal ends the session at once, with the number of typed lines that are dropped. SIGTERM does so,
 * and Ctrl-C if no line waits. If lines wait, the first Ctrl-C still sends them, which the server's rate may make slow,
 * and the second one drops them.
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

/** Colours for each of the two output streams. */
interface Paints {
  readonly data: Paint;
  readonly notice: Paint;
}

/** Does what a person types, line after line, and shows what happens on the connection. */
class ConsoleSession {
  readonly #chat: Chat;
  readonly #screen: Screen;
  readonly #paint: Paints;
  readonly #signal: AbortSignal;
  // bound: channels that the person entered · evicts: a channel leaves by /leave · owner: ConsoleSession
  readonly #channels = new Set<string>();
  /** 1 while a line is being done, else 0. */
  #underWay = 0;

  /** @param signal ends the session at once: typed lines that are not done yet are dropped */
  constructor(chat: Chat, screen: Screen, paint: Paints, signal: AbortSignal) {
    this.#chat = chat;
    this.#screen = screen;
    this.#paint = paint;
    this.#signal = signal;
  }

  /** Lines that were typed and are not done yet. */
  get pending(): number {
    return this.#screen.waiting + this.#underWay;
  }

  /** Joins `#general` and does what is typed, until the end of the input or `/quit`. */
  async run(): Promise<void> {
    this.#show();
    await this.#carryOut({ does: "join", channel: "#general" });
    this.#prompt();
    for (let line = await this.#screen.nextLine(); line !== undefined; line = await this.#screen.nextLine()) {
      const typed = readLine(line, this.#current);
      if (typed.does === "quit" || this.#signal.aborted) break;
      this.#underWay = 1;
      await this.#carryOut(typed);
      this.#underWay = 0;
      this.#prompt();
    }
    this.#screen.close();
  }

  /** The channel entered last. */
  get #current(): string | undefined {
    return [...this.#channels].at(-1);
  }

  #prompt(): void {
    this.#screen.prompt(`${this.#current ?? "(no channel)"}> `);
  }

  #show(): void {
    const data = this.#screen.data.bind(this.#screen);
    const chat = this.#chat;
    chat.on("message", (message) => {
      data(messageLine(message, this.#paint.data));
    });
    for (const type of ["agent_joined", "agent_left"] as const)
      chat.on(type, (change) => {
        data(presenceLine(change, this.#paint.data));
      });
    for (const type of ["proposal", "accept", "reject", "complete", "dispute"] as const)
      chat.on(type, (step) => {
        data(negotiationLine(step, this.#paint.data));
      });
    chat.on("error", (error) => {
      this.#note("red", failureLine(error, "console"));
    });
    chat.on("reconnecting", ({ inMs }) => {
      this.#note("red", lostLine(inMs));
    });
    chat.on("open", () => {
      this.#note("dim", `connected again, as ${chat.agentId ?? "?"}`);
    });
  }

  /** Shows a refusal and goes on. */
  async #carryOut(typed: Typed): Promise<void> {
    try {
      await retryingRateLimits(() => this.#do(typed), this.#signal);
    } catch (thrown) {
      if (!this.#signal.aborted) this.#note("red", failureLine(thrown, "console"));
    }
  }

  async #do(typed: Typed): Promise<void> {
    switch (typed.does) {
      case "join":
        await this.#chat.join(typed.channel);
        this.#entered(typed.channel);
        return;
      case "create":
        await this.#chat.createChannel(typed.channel, typed.inviteOnly);
        this.#entered(typed.channel);
        return;
      case "leave":
        await this.#chat.leave(typed.channel);
        this.#channels.delete(typed.channel);
        this.#note("dim", `you left ${typed.channel}`);
        return;
      case "say":
        await deliver(this.#chat, typed.to, typed.text);
        return;
      case "channels":
        this.#screen.data(channelTable(await this.#chat.listChannels()));
        return;
      case "agents":
        this.#screen.data(rosterTable(await this.#chat.roster(typed.channel)));
        return;
      case "invite":
        await this.#chat.invite(typed.channel, typed.agent);
        this.#note("dim", `invited ${typed.agent} to ${typed.channel}`);
        return;
      case "help":
        this.#screen.notice(consoleHelp);
        return;
      case "wrong":
        this.#note("red", typed.why);
        return;
      case "nothing":
      case "quit":
        return;
    }
  }

  /** `text` may contain words of strangers. */
  #note(style: Parameters<Paint>[0], text: string): void {
    this.#screen.notice(this.#paint.notice(style, untrustedText(text)));
  }

  #entered(channel: string): void {
    this.#channels.delete(channel); // the last entered is the current one
    this.#channels.add(channel);
    this.#note("dim", `you are in ${channel}`);
  }
}

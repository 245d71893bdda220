import { table } from "../output.js";
import type { Chat } from "./chat.js";
import { consoleHelp, readLine, type Typed } from "./console-input.js";
import { messageLine, negotiationLine, presenceLine, type Paint } from "./console-lines.js";
import type { Screen } from "./console-screen.js";
import { failureLine } from "./exit.js";
import { patiently } from "./patience.js";
import { rosterTable } from "./roster.js";
import { isTold, say } from "./said.js";

/** An `agentchat connect` at work: what is typed is done, line after line; what is heard is shown. */
export class ConsoleSession {
  readonly #chat: Chat;
  readonly #screen: Screen;
  readonly #paint: Paint;
  // bound: channels that the person entered · evicts: a channel leaves by /leave · owner: ConsoleSession
  readonly #channels = new Set<string>();
  /** Lines that are being done: 0 or 1. */
  #underWay = 0;

  constructor(chat: Chat, screen: Screen, paint: Paint) {
    this.#chat = chat;
    this.#screen = screen;
    this.#paint = paint;
  }

  /** Lines that were typed and are not done yet. */
  get pending(): number {
    return this.#screen.waiting + this.#underWay;
  }

  /** Enters `#general` and does what is typed, to the end of the input or `/quit`. */
  async run(): Promise<void> {
    this.#show();
    await this.#carryOut({ does: "join", channel: "#general" });
    this.#prompt();
    for (let line = await this.#screen.nextLine(); line !== undefined; line = await this.#screen.nextLine()) {
      const typed = readLine(line, this.#current);
      if (typed.does === "quit") break;
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
    const { data, notice } = { data: this.#screen.data.bind(this.#screen), notice: this.#screen.notice.bind(this.#screen) };
    const chat = this.#chat;
    chat.on("message", (message) => { data(messageLine(message, this.#paint)); });
    for (const type of ["agent_joined", "agent_left"] as const) chat.on(type, (change) => { data(presenceLine(change, this.#paint)); });
    for (const type of ["proposal", "accept", "reject", "complete", "dispute"] as const) chat.on(type, (step) => { data(negotiationLine(step, this.#paint)); });
    chat.on("error", (error) => { if (!isTold(error)) notice(this.#paint("red", failureLine(error, "console"))); });
    chat.on("reconnecting", ({ inMs }) => { notice(this.#paint("red", `the connection is lost; the next try is in ${Math.ceil(inMs / 1_000)} s`)); });
    chat.on("open", () => { notice(this.#paint("dim", `connected again, as ${chat.agentId ?? "?"}`)); });
  }

  /** A refusal is told; the session goes on. */
  async #carryOut(typed: Typed): Promise<void> {
    try {
      await patiently(() => this.#do(typed));
    } catch (thrown) {
      this.#screen.notice(this.#paint("red", failureLine(thrown, "console")));
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
        this.#screen.notice(this.#paint("dim", `you left ${typed.channel}`));
        return;
      case "say":
        await say(this.#chat, typed.to, typed.text);
        return;
      case "channels":
        this.#screen.data(table((await this.#chat.listChannels()).map(({ name, agents }) => [name, String(agents)])));
        return;
      case "agents":
        this.#screen.data(rosterTable(await this.#chat.roster(typed.channel)));
        return;
      case "invite":
        await this.#chat.invite(typed.channel, typed.agent);
        this.#screen.notice(this.#paint("dim", `invited ${typed.agent} to ${typed.channel}`));
        return;
      case "help":
        this.#screen.notice(consoleHelp);
        return;
      case "wrong":
        this.#screen.notice(this.#paint("red", typed.why));
        return;
      case "nothing":
      case "quit":
        return;
    }
  }

  #entered(channel: string): void {
    this.#channels.delete(channel); // the last entered is the current one
    this.#channels.add(channel);
    this.#screen.notice(this.#paint("dim", `you are in ${channel}`));
  }
}

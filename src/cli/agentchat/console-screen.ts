import { clearLine, createInterface, cursorTo, type Interface } from "node:readline";
import { sayPainted } from "../output.js";
import { HeardLines } from "./event-lines.js";

/** With so many lines waiting no more are read until some are done. */
const waitingMax = 1_000;

/** Where `agentchat connect` reads and writes: a terminal with a prompt, or two pipes. */
export class Screen {
  readonly #reader: Interface;
  // bound: waitingMax and what one read brings · evicts: a line leaves when it is taken · owner: Screen
  readonly #waiting: string[] = [];
  readonly #terminal: boolean;
  readonly #lines = new HeardLines();
  #phase: "open" | "closed" = "open";
  #look: () => void = () => undefined;

  constructor(terminal: boolean) {
    this.#terminal = terminal;
    this.#reader = createInterface({
      input: process.stdin,
      terminal,
      ...(terminal && { output: process.stdout }),
      historySize: 100,
    });
    this.#reader.on("line", (line) => {
      this.#waiting.push(line);
      if (this.#waiting.length >= waitingMax) this.#reader.pause();
      this.#look();
    });
    // A terminal with a prompt does not turn Ctrl-C into the signal that it is.
    this.#reader.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
    this.#reader.once("close", () => {
      this.#phase = "closed";
      this.#look();
    });
  }

  /** Lines that were typed and not yet taken. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * The next line that is typed; undefined at their end, or when all that were typed before `close` are taken. One call
   * at a time.
   */
  async nextLine(): Promise<string | undefined> {
    while (this.#waiting.length === 0 && this.#phase === "open") {
      await new Promise<void>((resolve) => {
        this.#look = resolve;
      });
    }
    const line = this.#waiting.shift();
    if (this.#phase === "open" && this.#waiting.length < waitingMax) this.#reader.resume();
    return line;
  }

  /** Asks for the next line. */
  prompt(words: string): void {
    this.#reader.setPrompt(words);
    this.#again();
  }

  /** @throws CommandFailure once whoever reads the data is too slow; never resolves */
  get tooSlow(): Promise<never> {
    return this.#lines.tooSlow;
  }

  /** Something heard: data. */
  data(line: string): void {
    this.#abovePrompt(() => {
      this.#lines.write(line);
    });
  }

  /** Something about the session: no data. */
  notice(line: string): void {
    this.#abovePrompt(() => {
      sayPainted(line);
    });
  }

  /** No more lines are read. A second call does nothing. */
  close(): void {
    if (this.#phase === "open") this.#reader.close();
  }

  /** No more is read or written; what is heard and waits is written if its reader takes it now. */
  async end(): Promise<void> {
    this.close();
    await this.#lines.end();
  }

  /** The prompt is drawn anew with what was typed so far. */
  #abovePrompt(write: () => void): void {
    if (this.#terminal && this.#phase === "open") {
      cursorTo(process.stdout, 0);
      clearLine(process.stdout, 0);
    }
    write();
    this.#again();
  }

  #again(): void {
    if (this.#terminal && this.#phase === "open") this.#reader.prompt(true);
  }
}

import { clearLine, createInterface, cursorTo, type Interface } from "node:readline";
import { sayPainted } from "../output.js";
import { EventLines } from "./event-lines.js";

/** If so many lines wait, reading pauses until some are done. */
const waitingMax = 1_000;

/** Input and output of `agentchat connect`: a terminal with a prompt, or two pipes. */
export class Screen {
  readonly #reader: Interface;
  // bound: waitingMax and what one read brings · evicts: a line leaves when it is taken · owner: Screen
  readonly #waiting: string[] = [];
  readonly #terminal: boolean;
  readonly #lines = new EventLines();
  #phase: "open" | "closed" = "open";
  #wakeReader: () => void = () => undefined;

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
      this.#wakeReader();
    });
    // With a prompt, readline takes Ctrl-C and no signal comes.
    this.#reader.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
    this.#reader.once("close", () => {
      this.#phase = "closed";
      this.#wakeReader();
    });
  }

  /** The number of lines that were typed and not yet taken. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * The next line that was typed; undefined at the end of the input, or when all lines typed before `close` are taken.
   * Only one call at a time.
   */
  async nextLine(): Promise<string | undefined> {
    while (this.#waiting.length === 0 && this.#phase === "open") {
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
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

  /** Rejects with CommandFailure when the reader of the data is too slow; never resolves. */
  get tooSlow(): Promise<never> {
    return this.#lines.tooSlow;
  }

  /** Writes an event, which is data. */
  data(line: string): void {
    this.#abovePrompt(() => {
      this.#lines.write(line);
    });
  }

  /** Writes something about the session, which is not data. */
  notice(line: string): void {
    this.#abovePrompt(() => {
      sayPainted(line);
    });
  }

  /** Ends the input. A second call does nothing. */
  close(): void {
    if (this.#phase === "open") this.#reader.close();
  }

  /** Ends input and output; events that wait are written if their reader takes them now. */
  async end(): Promise<void> {
    this.close();
    await this.#lines.end();
  }

  /** Writes above the prompt and draws the prompt again with what was typed so far. */
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

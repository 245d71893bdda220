import { clearLine, createInterface, cursorTo, type Interface } from "node:readline";

/** With so many lines waiting no more are read until some are done. */
const waitingMax = 1_000;

/** Where `agentchat connect` reads and writes: a terminal with a prompt, or two pipes. */
export class Screen {
  readonly #reader: Interface;
  // bound: waitingMax and what one read brings · evicts: a line leaves when it is taken · owner: Screen
  readonly #waiting: string[] = [];
  readonly #terminal: boolean;
  #phase: "open" | "closed" = "open";
  #look: () => void = () => undefined;

  /** @param onInterrupt Ctrl-C, which a terminal with a prompt does not turn into a signal */
  constructor(terminal: boolean, onInterrupt: () => void) {
    this.#terminal = terminal;
    this.#reader = createInterface({ input: process.stdin, terminal, ...(terminal && { output: process.stdout }), historySize: 100 });
    this.#reader.on("line", (line) => {
      this.#waiting.push(line);
      if (this.#waiting.length >= waitingMax) this.#reader.pause();
      this.#look();
    });
    this.#reader.on("SIGINT", onInterrupt);
    this.#reader.once("close", () => {
      this.#phase = "closed";
      this.#look();
    });
  }

  /** Lines that were typed and not yet taken. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** The next line that is typed; undefined at their end, or when all that were typed before `close` are taken. One call at a time. */
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

  /** Something heard: data. */
  data(line: string): void {
    this.#write(process.stdout, line);
  }

  /** Something about the session: no data. */
  notice(line: string): void {
    this.#write(process.stderr, line);
  }

  /** No more lines are read. A second call does nothing. */
  close(): void {
    if (this.#phase === "open") this.#reader.close();
  }

  /** Above the prompt, which is drawn anew with what was typed so far. */
  #write(stream: NodeJS.WriteStream, line: string): void {
    if (this.#terminal && this.#phase === "open") {
      cursorTo(process.stdout, 0);
      clearLine(process.stdout, 0);
    }
    stream.write(`${line}\n`);
    this.#again();
  }

  #again(): void {
    if (this.#terminal && this.#phase === "open") this.#reader.prompt(true);
  }
}

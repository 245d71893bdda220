import { clearLine, createInterface, cursorTo, type Interface } from "node:readline";

/** Where `agentchat connect` reads and writes: a terminal with a prompt, or two pipes. */
export class Screen {
  readonly #reader: Interface;
  /** From the beginning: a line or an end that comes while nobody iterates would be lost. */
  readonly #lines: AsyncIterableIterator<string>;
  readonly #terminal: boolean;
  #phase: "open" | "closed" = "open";

  constructor(terminal: boolean) {
    this.#terminal = terminal;
    this.#reader = createInterface({ input: process.stdin, terminal, ...(terminal && { output: process.stdout }), historySize: 100 });
    this.#lines = this.#reader[Symbol.asyncIterator]();
    this.#reader.on("SIGINT", () => {
      this.close();
    });
    this.#reader.once("close", () => {
      this.#phase = "closed";
    });
  }

  /** The lines that are typed, to their end or until `close`. */
  lines(): AsyncIterable<string> {
    return this.#lines;
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

  /** No more lines. A second call does nothing. */
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

import type { Writable } from "node:stream";
import { dataLines, endUnwritten, finished } from "../output.js";
import { CommandFailure, exitCodes } from "./exit.js";

/** What may wait for a slow reader, bytes. A client cannot ask its server to pause. */
const waitingMax = 16 * 1024 * 1024;

/** Lines of what is heard, on stdout, for a reader who may be slow or have stopped. */
export class HeardLines {
  /** @throws CommandFailure once more waits than may; never resolves */
  readonly tooSlow: Promise<never>;
  readonly #lines: Writable;
  readonly #giveUp: (why: CommandFailure) => void;
  #phase: "open" | "ended" = "open";

  constructor() {
    this.#lines = dataLines({ sockets: true });
    if (this.#lines !== process.stdout) this.#lines.on("error", endUnwritten("agentchat"));
    let giveUp: (why: CommandFailure) => void = () => undefined;
    this.tooSlow = new Promise((_resolve, reject) => {
      giveUp = reject;
    });
    this.#giveUp = giveUp;
  }

  /** Writes a line; after the end it does nothing. */
  write(line: string): void {
    if (this.#phase === "ended") return;
    this.#lines.write(Buffer.from(`${line}\n`)); // a socket counts what waits of a text in characters
    if (this.#lines.writableLength <= waitingMax) return;
    this.#phase = "ended";
    this.#giveUp(
      new CommandFailure(
        exitCodes.failed,
        `whoever reads this output is too slow: more than ${waitingMax / (1024 * 1024)} MiB wait for it`,
      ),
    );
  }

  /** Ends it: what waits is written if its reader takes it now, else dropped. */
  async end(): Promise<void> {
    this.#phase = "ended";
    await finished(this.#lines);
  }
}

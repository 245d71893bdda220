import { fileURLToPath } from "node:url";
import { startProgram, type Program } from "../../test/kit/cli.js";
import type { MailTally } from "./mail-tally.js";
import type { Course } from "./scenario.js";

/** A line that `mail-agent.py` prints. */
interface Line {
  readonly heard?: string;
  readonly said?: string;
  readonly told?: string;
  readonly ids?: readonly string[];
}

/** How a {@link MailPython} is started. */
interface MailPythonStart {
  readonly name: string;
  /** It speaks so often, milliseconds; 0: never. */
  readonly intervalMs: number;
  /** It works so long on each message before it reads the next: its library has more by then, milliseconds. */
  readonly workMs?: number;
  readonly to: readonly string[];
  /** Numbers its connection for the tally. */
  readonly line?: number;
}

/** A plain agent of pyzmq in a process of its own, with a mailbox (kit/mail-agent.py). */
export class MailPython {
  readonly name: string;
  said = 0;
  readonly #program: Program;

  private constructor(name: string, program: Program, tally: MailTally, line: number) {
    this.name = name;
    this.#program = program;
    let rest = "";
    program.process.stdout?.on("data", (chunk: Buffer) => {
      const lines = `${rest}${chunk.toString()}`.split("\n");
      rest = lines.pop() ?? "";
      for (const text of lines) {
        const { heard, said, told, ids = [] } = JSON.parse(text) as Line;
        if (heard !== undefined) tally.hears(name, heard, line);
        if (said !== undefined) this.said += 1;
        if (told !== undefined) tally.told(ids, told);
      }
    });
  }

  /** Resolves when its box is open. */
  static async start(
    course: Pick<Course, "finally">,
    { zmqIn, zmqOut }: { readonly zmqIn: string; readonly zmqOut: string },
    tally: MailTally,
    { name, intervalMs, workMs = 0, to, line = 0 }: MailPythonStart,
  ): Promise<MailPython> {
    const script = fileURLToPath(new URL("mail-agent.py", import.meta.url));
    const program = startProgram(
      "/usr/bin/python3",
      [script, name, zmqIn, zmqOut, String(intervalMs), String(workMs), ...to],
      {},
      "pipe",
    );
    const agent = new MailPython(name, program, tally, line);
    course.finally(() => agent.kill());
    await program.prints(/"open"/);
    return agent;
  }

  get pid(): number {
    return this.#program.process.pid ?? 0;
  }

  /** It says nothing more, and goes on to listen. */
  hush(): void {
    this.#program.process.stdin?.write("\n");
  }

  /** SIGKILL; resolves when all that it had printed has been read. */
  async kill(): Promise<void> {
    await this.#program.stop("SIGKILL");
  }
}

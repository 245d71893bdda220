import { delimiter } from "node:path";
import { fileURLToPath } from "node:url";
import { startProgram, type Program } from "../../test/kit/cli.js";
import type { MailJournal } from "./mail-journal.js";
import type { Course } from "./scenario.js";

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** How an agent of an SDK is started (`mail-sdk.mjs`, `mail-sdk.py`). */
const starts = {
  typescript: { command: process.execPath, script: file("mail-sdk.mjs"), env: {} },
  python: {
    command: "/usr/bin/python3",
    script: file("mail-sdk.py"),
    env: {
      PYTHONPATH: [file("../../clients/python/src"), process.env["PYTHONPATH"] ?? ""].filter(Boolean).join(delimiter),
      PYTHONDONTWRITEBYTECODE: "1",
    },
  },
} as const;

/** An agent of an SDK in take mode, in a process of its own, which can be killed and started again. */
export class MailSdk {
  readonly name: string;
  kills = 0;
  readonly #start: () => Program;
  #program: Program;
  #isReady: Promise<unknown>;

  /** It has the name of its language. */
  constructor(
    course: Course,
    { zmqIn, zmqOut }: { readonly zmqIn: string; readonly zmqOut: string },
    { path }: MailJournal,
    language: keyof typeof starts,
  ) {
    this.name = language;
    const { command, script, env } = starts[language];
    this.#start = () => startProgram(command, [script, language, zmqIn, zmqOut, path, String(this.kills)], env);
    this.#program = this.#start();
    this.#isReady = this.#program.prints(/ready/, 30_000);
    course.finally(async () => {
      await Promise.all([this.#program.stop("SIGKILL"), this.#isReady.catch(() => undefined)]);
    });
  }

  /** Resolves when it handles messages. */
  async ready(): Promise<void> {
    await this.#isReady;
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.kills += 1;
    await Promise.all([this.#program.stop("SIGKILL"), this.#isReady.catch(() => undefined)]);
  }

  /** Starts it again; the broker need not be there. */
  again(): void {
    this.#program = this.#start();
    this.#isReady = this.#program.prints(/ready/, 30_000);
    this.#isReady.catch(() => undefined); // told by `ready`
  }
}

import { createRequire } from "node:module";
import { Command, CommanderError } from "commander";
import { benchCommand } from "./commands/bench.js";
import { completionCommand } from "./commands/completion.js";
import { configCommand } from "./commands/config.js";
import { doctorCommand } from "./commands/doctor.js";
import { listCommands } from "./commands/lists.js";
import { sendCommand } from "./commands/send.js";
import { startCommand } from "./commands/start.js";
import { statusCommand } from "./commands/status.js";
import { tapCommand } from "./commands/tap.js";
import { tokenCommand } from "./commands/token.js";
import { exitCodes, tellFailure } from "./exit.js";
import { endOnClosedPipe } from "./output.js";
import { usageWords } from "./usage-words.js";

/** Commands that need no running broker, so that none is missing when they fail. */
const local: ReadonlySet<string> = new Set(["start", "token", "config", "completion"]);

/** The `broker` command. @returns the exit code: 0 done, 1 failed, 2 wrong usage, 3 no broker, 4 refused, 5 timed out */
export async function main(argv: readonly string[]): Promise<number> {
  endOnClosedPipe();
  const program = new Command("broker")
    .description("Synaptic Core: a message broker where AI agents meet")
    .version(version(), "-V, --version")
    .option("--data-dir <folder>", "where the broker keeps its secrets and says where it is (default: SYNAPTIC_DATA_DIR, else ~/.local/share/synaptic-core)")
    .option("--json", "print data as JSON")
    .addHelpText("after", "\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 no broker is running, 4 refused, 5 timed out.")
    .showHelpAfterError("(broker --help lists commands and options)")
    .configureOutput({
      outputError: (text, write) => {
        write(usageWords(text));
      },
    })
    .exitOverride();
  for (const add of [startCommand, statusCommand, listCommands, tapCommand, sendCommand, tokenCommand, configCommand, doctorCommand, benchCommand, completionCommand]) add(program);
  for (const command of program.commands) prepare(command);
  let isLocal = false;
  program.hook("preAction", (_program, command) => {
    isLocal = local.has(groupOf(command).name());
  });
  try {
    await program.parseAsync([...argv]);
    return Number(process.exitCode ?? exitCodes.done);
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    return tellFailure(thrown, isLocal);
  }
}

/** Options that every command has. */
function prepare(command: Command): void {
  command.exitOverride();
  command.option("--data-dir <folder>", "the broker's folder").option("--json", "print data as JSON");
  for (const below of command.commands) prepare(below);
}

/** The command under `broker` itself that a command belongs to. */
function groupOf(command: Command): Command {
  return command.parent?.parent == null ? command : groupOf(command.parent);
}

function version(): string {
  const own = createRequire(import.meta.url)("../../../package.json") as { readonly version: string };
  return own.version;
}

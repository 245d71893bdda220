import { Command, CommanderError, Option } from "commander";
import { readDataDir } from "../config/index.js";
import { resolveDataDirectory } from "../storage/index.js";
import { backupCommand } from "./commands/backup.js";
import { benchCommand } from "./commands/bench.js";
import { completionCommand } from "./commands/completion.js";
import { configCommand } from "./commands/config.js";
import { contactsCommand } from "./commands/contacts.js";
import { doctorCommand } from "./commands/doctor.js";
import { mailboxCommand } from "./commands/mailbox.js";
import { networkCommand } from "./commands/network.js";
import { sendCommand } from "./commands/send.js";
import { startCommand, type TakeOver } from "./commands/start.js";
import { listCommands } from "./commands/lists.js";
import { statusCommand } from "./commands/status.js";
import { tapCommand } from "./commands/tap.js";
import { topCommand } from "./commands/top.js";
import { tokenCommand } from "./commands/token.js";
import { exitCodes, tellFailure } from "./exit.js";
import { endOnClosedPipe } from "./output.js";
import { dataHeading } from "./flags.js";
import { ownPackage } from "./package-file.js";
import { argumentOrder } from "./argument-order.js";
import { hasTerminal } from "./terminal.js";
import { pathOf, usageWords, withVersion } from "./usage-words.js";
import { stopCommand } from "./commands/stop.js";

/** Commands that need no running broker: if they fail, it is not for want of one. */
const local: ReadonlySet<string> = new Set(["start", "token", "backup", "config", "completion", "version"]);

/** Commands that read the whole configuration themselves, or need nothing of a broker. */
const readsItself: ReadonlySet<string> = new Set(["start", "config", "doctor", "completion", "version"]);

/**
 * The `broker` command.
 * @param takeOver ends the program's first handling of SIGHUP, see {@link TakeOver}
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage, 3 no broker, 4 refused, 5 timed out
 */
export async function main(argv: readonly string[], takeOver: TakeOver = () => false): Promise<number> {
  endOnClosedPipe();
  const program = new Command("broker")
    .description("Synaptic Core: a message broker where AI agents meet")
    .version(ownPackage().version, "-v, --version")
    .option(
      "--data-dir <folder>",
      "the folder of the broker's secrets and addresses (default: SYNAPTIC_DATA_DIR, " +
        "else dataDir of the configuration, else ~/.local/share/synaptic-core)",
    )
    .option("--json", "print data as JSON")
    .addHelpText(
      "after",
      "\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 no broker is running, 4 refused, 5 timed out.",
    )
    .showHelpAfterError("(broker --help lists commands and options)")
    .exitOverride();
  startCommand(program, takeOver);
  for (const add of [
    stopCommand,
    statusCommand,
    topCommand,
    listCommands,
    tapCommand,
    sendCommand,
    mailboxCommand,
    contactsCommand,
    networkCommand,
    backupCommand,
    tokenCommand,
    configCommand,
    doctorCommand,
    benchCommand,
    completionCommand,
    versionCommand,
  ])
    add(program);
  tellUsage(program);
  for (const command of program.commands) prepare(command);
  let isLocal = false;
  program.hook("preAction", (_program, command) => {
    const group = groupOf(command).name();
    isLocal = local.has(group) || command.name() === "salvage";
    // Every other command ends with its terminal.
    if (group !== "start" && hasTerminal() && takeOver()) process.kill(process.pid, "SIGHUP");
    if (!readsItself.has(group)) chooseDataDirectory(program, command);
  });
  try {
    await program.parseAsync(argumentOrder(withVersion(argv), program));
    return Number(process.exitCode ?? exitCodes.done);
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    return tellFailure(thrown, isLocal);
  }
}

/** `broker version`: the same as `--version`. */
function versionCommand(program: Command): void {
  program
    .command("version")
    .description("print the version")
    .action(() => {
      process.stdout.write(`${ownPackage().version}\n`);
    });
}

/** Adds the options that every command has. */
function prepare(command: Command): void {
  command.exitOverride().showHelpAfterError(`(${pathOf(command)} --help lists what it takes)`);
  tellUsage(command);
  const isGrouped = command.options.some(({ long }) => long === "--config");
  const folder = new Option("--data-dir <folder>", "the broker's folder");
  command.addOption(isGrouped ? folder.helpGroup(dataHeading) : folder).option("--json", "print data as JSON");
  if (!isGrouped) command.option("--config <file>", "the broker's configuration, which may name its folder");
  for (const below of command.commands) prepare(below);
}

/** Errors in the command line of this command are told in our words. */
function tellUsage(command: Command): void {
  command.configureOutput({
    outputError: (text, write) => {
      write(usageWords(text, command));
    },
  });
}

/**
 * Without --data-dir, a command uses the folder that a start would use.
 * @throws Fault malformed, unavailable: the configuration that may name the folder cannot be read
 */
function chooseDataDirectory(program: Command, command: Command): void {
  const { dataDir, config } = command.optsWithGlobals<{ readonly dataDir?: string; readonly config?: string }>();
  if (dataDir !== undefined) return;
  const configured = readDataDir({ env: process.env, file: config, resolveDataDir: () => resolveDataDirectory() });
  if (configured !== undefined) program.setOptionValueWithSource("dataDir", configured, "config");
}

/** The command directly below `broker` to which a command belongs. */
function groupOf(command: Command): Command {
  return command.parent?.parent == null ? command : groupOf(command.parent);
}

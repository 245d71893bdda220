import type { Command, Option } from "commander";

/** What can follow on the command line: a word of a list, a file, or something that nobody can guess. */
export type Follows = readonly string[] | "file" | "anything";

/** An option as a shell sees it. */
export interface OptionWords {
  /** `--ws`, `-h` */
  readonly words: readonly string[];
  readonly description: string;
  /** What its value is; undefined: it takes none. */
  readonly value: Follows | undefined;
}

/** A command as a shell sees it. */
export interface CommandWords {
  /** The words before and with it, each after a space: `" config print"`; `""` for the program itself. */
  readonly path: string;
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionWords[];
  /** What its first argument is; undefined: it takes none. */
  readonly argument: Follows | undefined;
  readonly commands: readonly CommandWords[];
}

/** Every command and option that a program shows in its help. */
export function commandWords(command: Command, before = ""): CommandWords {
  const help = command.createHelp();
  const path = command.parent === null ? "" : `${before} ${command.name()}`;
  const [argument] = command.registeredArguments;
  return {
    path,
    name: command.name(),
    description: help.subcommandDescription(command),
    options: help
      .visibleOptions(command)
      .map((option) => ({ words: wordsOf(option), description: option.description, value: valueOf(option) })),
    argument: argument === undefined ? undefined : (argument.argChoices ?? "anything"),
    // help is a word of commander's own: it has the same words behind it.
    commands: help
      .visibleCommands(command)
      .filter((one) => one.name() !== "help")
      .map((one) => commandWords(one, path)),
  };
}

/** A command and all below it. */
export function allOf(command: CommandWords): readonly CommandWords[] {
  return [command, ...command.commands.flatMap(allOf)];
}

function wordsOf({ short, long }: Option): readonly string[] {
  return [long, short].filter((word) => word !== undefined);
}

function valueOf({ flags, required, optional, argChoices }: Option): Follows | undefined {
  if (!required && !optional) return undefined;
  return argChoices ?? (/<(file|folder)>/.test(flags) ? "file" : "anything");
}

import { Argument, type Command, type Option } from "commander";

const shells = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const satisfies Readonly<
  Record<string, (program: CommandWords) => string>
>;

const after = `
bash: echo 'source <(broker completion bash)' >> ~/.bashrc
zsh:  echo 'source <(broker completion zsh)' >> ~/.zshrc   (after compinit)
fish: broker completion fish > ~/.config/fish/completions/broker.fish`;

/**
 * `broker completion bash|zsh|fish`: prints a script. It is made from the program's own commands, so it cannot be out
 * of date.
 */
export function completionCommand(program: Command): void {
  program
    .command("completion")
    .description("print a script that completes commands and options at Tab")
    .addArgument(new Argument("<shell>", "which shell reads it").choices(Object.keys(shells)))
    .addHelpText("after", after)
    .action((shell: keyof typeof shells) => {
      process.stdout.write(shells[shell](commandWords(program)));
    });
}

/** What can follow on the command line: a word of a list, a file, or anything. */
type Follows = readonly string[] | "file" | "anything";

/** An option as a shell sees it. */
interface OptionWords {
  /** `--ws`, `-h` */
  readonly words: readonly string[];
  readonly description: string;
  /** The kind of its value; undefined: it takes none. */
  readonly value: Follows | undefined;
}

/** A command as a shell sees it. */
interface CommandWords {
  /** The words up to this command, each after a space: `" config print"`; `""` for the program itself. */
  readonly path: string;
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionWords[];
  /** The kind of its first argument; undefined: it takes none. */
  readonly argument: Follows | undefined;
  readonly commands: readonly CommandWords[];
}

/** Reads every command and option that a program shows in its help. */
function commandWords(command: Command, before = ""): CommandWords {
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
    argument: argument === undefined ? undefined : (argument.argChoices ?? argumentOf(argument.name())),
    // `help` is commander's own command; its arguments are the other commands.
    commands: help
      .visibleCommands(command)
      .filter((one) => one.name() !== "help")
      .map((one) => commandWords(one, path)),
  };
}

/** A command and all commands below it. */
function allOf(command: CommandWords): readonly CommandWords[] {
  return [command, ...command.commands.flatMap(allOf)];
}

function wordsOf({ short, long }: Option): readonly string[] {
  return [long, short].filter((word) => word !== undefined);
}

/** An argument is the name of a file, or anything. */
function argumentOf(name: string): Follows {
  return name === "file" || name === "folder" ? "file" : "anything";
}

function valueOf({ flags, required, optional, argChoices }: Option): Follows | undefined {
  if (!required && !optional) return undefined;
  return argChoices ?? (/<(file|folder)>/.test(flags) ? "file" : "anything");
}

/** A completion script for bash 4 and newer. */
function bashCompletion(program: CommandWords): string {
  const commands = allOf(program);
  const paths = commands.filter(({ path }) => path !== "").map(({ path }) => `"${path}"`);
  const values = commands.flatMap(({ path, options }) =>
    options.flatMap(({ words, value }) =>
      value === undefined
        ? []
        : [`    ${words.map((word) => `"${path} ${word}"`).join(" | ")}) ${bashReply(value)} ;;`],
    ),
  );
  const next = commands.map(({ path, options, argument, commands: below }) => {
    const words = [
      ...below.map(({ name }) => name),
      ...(Array.isArray(argument) ? (argument as readonly string[]) : []),
      ...options.flatMap((option) => option.words),
    ];
    return `    "${path}") ${bashReply(words, argument === "file")} ;;`;
  });
  return `# bash completion for ${program.name}: source <(${program.name} completion bash)
_${program.name}() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD - 1]}" at="" i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
    ${paths.join(" | ")}) at="$at \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at $prev" in
${values.join("\n")}
  esac
  case "$at" in
${next.join("\n")}
  esac
}
complete -F _${program.name} ${program.name}
`;
}

/** `orFile`: the name of a file can stand there, too. */
function bashReply(follows: Follows, orFile = false): string {
  if (follows === "anything") return "return";
  const source = follows === "file" ? "-f" : `${orFile ? "-f " : ""}-W "${follows.join(" ")}"`;
  return `mapfile -t COMPREPLY < <(compgen ${source} -- "$cur"); return`;
}

/** A completion script for zsh, as a file `_broker` in a folder of `fpath` or by `source`. */
function zshCompletion(program: CommandWords): string {
  const commands = allOf(program);
  const paths = commands.filter(({ path }) => path !== "").map(({ path }) => `"${path}"`);
  const values = commands.flatMap(({ path, options }) =>
    options.flatMap(({ words, value }) =>
      value === undefined
        ? []
        : [`    ${words.map((word) => `"${path} ${word}"`).join(" | ")}) ${zshReply(value)}; return ;;`],
    ),
  );
  const next = commands.map(({ path, options, argument, commands: below }) => {
    const found = [
      ...below.map(({ name, description }) => described(name, description)),
      ...(Array.isArray(argument) ? (argument as readonly string[]).map((word) => described(word, "")) : []),
      ...options.flatMap(({ words, description }) => words.map((word) => described(word, description))),
    ];
    return `    "${path}") found=(${found.join(" ")})${argument === "file" ? "; _files" : ""} ;;`;
  });
  return `#compdef ${program.name}
_${program.name}() {
  local at="" word
  local -a found
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in
    ${paths.join(" | ")}) at="$at $word" ;;
    esac
  done
  case "$at \${words[CURRENT-1]}" in
${values.join("\n")}
  esac
  case "$at" in
${next.join("\n")}
  esac
  _describe '${program.name}' found
}
if [ "$funcstack[1]" = "_${program.name}" ]; then
  _${program.name} "$@"
else
  compdef _${program.name} ${program.name}
fi
`;
}

function zshReply(follows: Follows): string {
  if (follows === "anything") return ":";
  return follows === "file" ? "_files" : `compadd -- ${follows.join(" ")}`;
}

/** `word:what it does` in quotes. */
function described(word: string, description: string): string {
  const text = description === "" ? word : `${word}:${description}`;
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A completion script for fish. */
function fishCompletion(program: CommandWords): string {
  const commands = allOf(program);
  const paths = commands.filter(({ path }) => path !== "").map(({ path }) => quoted(path));
  const lines = commands.flatMap(({ path, options, argument, commands: below }) => {
    const here = `complete -c ${program.name} -n ${quoted(`__${program.name}_at ${quoted(path)}`)}`;
    return [
      ...below.map(({ name, description }) => `${here} -a ${name} -d ${quoted(description)}`),
      ...(Array.isArray(argument) ? [`${here} -a ${quoted(argument.join(" "))}`] : []),
      ...(argument === "file" ? [`${here} -F`] : []),
      ...options.map((option) => `${here} ${switches(option)} -d ${quoted(option.description)}`),
    ];
  });
  return `# fish completion for ${program.name}:
# ${program.name} completion fish > ~/.config/fish/completions/${program.name}.fish
function __${program.name}_at
  set -l at ''
  for word in (commandline -opc)[2..]
    if contains -- "$at $word" ${paths.join(" ")}
      set at "$at $word"
    end
  end
  test "$at" = "$argv[1]"
end
complete -c ${program.name} -f
${lines.join("\n")}
`;
}

function switches({ words, value }: OptionWords): string {
  return [
    ...words.map((word) => (word.startsWith("--") ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`)),
    ...fishValue(value),
  ].join(" ");
}

function fishValue(value: Follows | undefined): readonly string[] {
  if (value === undefined) return [];
  if (value === "file") return ["-r", "-F"];
  return value === "anything" ? ["-x"] : ["-x", `-a ${quoted(value.join(" "))}`];
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

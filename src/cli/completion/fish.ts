import { allOf, type CommandWords, type Follows, type OptionWords } from "./tree.js";

/** A completion script for fish. */
export function fishCompletion(program: CommandWords): string {
  const commands = allOf(program);
  const paths = commands.filter(({ path }) => path !== "").map(({ path }) => quoted(path));
  const lines = commands.flatMap(({ path, options, argument, commands: below }) => {
    const here = `complete -c ${program.name} -n ${quoted(`__${program.name}_at ${quoted(path)}`)}`;
    return [
      ...below.map(({ name, description }) => `${here} -a ${name} -d ${quoted(description)}`),
      ...(Array.isArray(argument) ? [`${here} -a ${quoted(argument.join(" "))}`] : []),
      ...options.map((option) => `${here} ${switches(option)} -d ${quoted(option.description)}`),
    ];
  });
  return `# fish completion for ${program.name}: ${program.name} completion fish > ~/.config/fish/completions/${program.name}.fish
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

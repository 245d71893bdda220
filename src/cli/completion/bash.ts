import { allOf, type CommandWords, type Follows } from "./tree.js";

/** A completion script for bash 4 and newer. */
export function bashCompletion(program: CommandWords): string {
  const commands = allOf(program);
  const paths = commands.filter(({ path }) => path !== "").map(({ path }) => `"${path}"`);
  const values = commands.flatMap(({ path, options }) =>
    options.flatMap(({ words, value }) =>
      value === undefined ? [] : [`    ${words.map((word) => `"${path} ${word}"`).join(" | ")}) ${bashReply(value)} ;;`],
    ),
  );
  const next = commands.map(({ path, options, argument, commands: below }) => {
    const words = [
      ...below.map(({ name }) => name),
      ...(Array.isArray(argument) ? (argument as readonly string[]) : []),
      ...options.flatMap((option) => option.words),
    ];
    return `    "${path}") ${bashReply(words)} ;;`;
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

function bashReply(follows: Follows): string {
  if (follows === "anything") return "return";
  const source = follows === "file" ? "-f" : `-W "${follows.join(" ")}"`;
  return `mapfile -t COMPREPLY < <(compgen ${source} -- "$cur"); return`;
}

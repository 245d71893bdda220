import { allOf, type CommandWords, type Follows } from "./tree.js";

/** A completion script for zsh, as a file `_broker` in a folder of `fpath` or by `source`. */
export function zshCompletion(program: CommandWords): string {
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
    return `    "${path}") found=(${found.join(" ")}) ;;`;
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
if [ "$funcstack[1]" = "_${program.name}" ]; then _${program.name} "$@"; else compdef _${program.name} ${program.name}; fi
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

import type { Command, Option } from "commander";

/** A word that may be the number of the option before it, by its place among those that are kept. */
interface Doubtful {
  readonly option: string;
  readonly at: number;
}

/**
 * The same command line in an order in which commander takes each word for what it is:
 * - texts that begin with `-` stand behind `--` at its end. A text is told from an option by its white space:
 *   `- [ ] first point`. The last argument of a command is its text, so that the order of arguments stays.
 * - an option whose number may be left out (`--wait`), and is, stands behind the arguments: else it would take the next
 *   of them for its number. A word behind it that is one argument too many was meant for its number, and is wrong.
 */
export function argumentOrder(argv: readonly string[], program: Command): readonly string[] {
  const end = argv.indexOf("--");
  const words = end === -1 ? argv : argv.slice(0, end);
  const behind = end === -1 ? [] : argv.slice(end + 1);
  const kept: string[] = [];
  const bare: Doubtful[] = [];
  let operands = behind.length;
  const texts: string[] = [];
  let command = program;
  let valueOf: Option | undefined;
  for (const [at, word] of words.entries()) {
    const isValue = valueOf !== undefined;
    const option = isValue ? undefined : optionOf(word, command, program);
    const next = words[at + 1];
    valueOf = option !== undefined && takesNext(option, next) ? option : undefined;
    if (isValue) kept.push(word);
    else if (isDashText(word)) texts.push(word);
    else if (option?.optional === true && valueOf === undefined) bare.push({ option: word, at: kept.length });
    else kept.push(word);
    if (isValue || option !== undefined) continue;
    const below = command.commands.find((one) => one.name() === word);
    operands = below === undefined ? operands + 1 : 0;
    command = below ?? command;
  }
  const isOneTooMany = operands > command.registeredArguments.length;
  for (const { option, at } of bare) kept.splice(isOneTooMany ? at : kept.length, 0, option);
  const after = [...texts, ...behind];
  return [...kept, ...(end === -1 && after.length === 0 ? [] : ["--", ...after])];
}

/** True if the option takes the next word, whatever it looks like; one that may stand alone takes a number only. */
function takesNext({ required, optional }: Option, next: string | undefined): boolean {
  return next !== undefined && (required || (optional && /^\d+(\.\d+)?$/.test(next)));
}

/** True for a word that begins with `-` and cannot be an option: these hold no white space before `=`. */
function isDashText(word: string): boolean {
  return word.startsWith("-") && /\s/.test(word) && !/^--[a-z][a-z-]*=/.test(word);
}

function optionOf(word: string, command: Command, program: Command): Option | undefined {
  return [...command.options, ...program.options].find(({ short, long }) => word === short || word === long);
}

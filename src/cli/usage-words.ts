import type { Command } from "commander";

/** What people of other tools type, and what it is called here. */
const otherWords: Readonly<Record<string, string>> = {
  reply: "broker send TO TEXT --type response --reply-to MESSAGE_ID",
  respond: "broker send TO TEXT --type response --reply-to MESSAGE_ID",
  answer: "broker send TO TEXT --type response --reply-to MESSAGE_ID",
  ask: "broker send TO TEXT --wait",
  request: "broker send TO TEXT --wait",
  say: "broker send TO TEXT",
  publish: "broker send TO TEXT",
  pub: "broker send TO TEXT",
  listen: "broker tap",
  subscribe: "broker tap",
  sub: "broker tap",
  watch: "broker tap, or broker status --watch",
  who: "broker agents",
  ps: "broker status",
  info: "broker status",
  run: "broker start",
  serve: "broker start",
  up: "broker start",
  down: "broker stop",
  quit: "broker stop",
  check: "broker config check, or broker doctor",
  mailboxes: "broker mailbox list",
  inbox: "broker mailbox list",
  mail: "broker mailbox list",
  restore: "broker backup --help, which says how",
  reload: "kill -HUP PID; the pid is in broker status",
};

/** Where a broker listens is said by one option for each kind of door. */
const doorWords =
  "where it listens is said for each kind of door: --ws HOST:PORT for WebSockets, --zmq-in and --zmq-out tcp://HOST:PORT for ZeroMQ";
const doorOptions: ReadonlySet<string> = new Set(["--port", "-p", "--bind", "--listen", "--address", "--addr"]);

/**
 * Adds a hint for newcomers to commander's message about a wrong command line.
 * @param text the message: `error: missing required argument 'to'`
 */
export function usageWords(text: string, command: Command): string {
  // commander finds another option for --port, which is near in letters only.
  const isDoor = doorOptions.has(unknownOption(text) ?? "") && hasDoors(command);
  const words = text.replace(/^error: /, "broker: ").replace(isDoor ? /\n\(Did you mean.*\)/ : "", "");
  const hint = hintFor(text, command);
  return hint === undefined ? words : `${words.trimEnd()}; ${hint}\n`;
}

function hintFor(text: string, command: Command): string | undefined {
  if (text.includes("missing required argument 'text'"))
    return `did the shell take an unquoted #room for a comment? write '#general'; ${dashHint("-- '-text'")}`;
  if (text.includes("missing required argument 'to'"))
    return "did the shell take an unquoted #room for a comment? write '#general'";
  if (text.includes("too many arguments for 'send'"))
    return command.getOptionValue("room") === true
      ? "--room takes no name, it makes TO a room: broker send lab 'are you there?' --room, or '#lab' without it"
      : "put the text in quotes: broker send claude 'are you there?'";
  const unknown = /unknown command '([^']+)'/.exec(text)?.[1];
  if (unknown !== undefined && Object.hasOwn(otherWords, unknown)) return `did you mean ${otherWords[unknown] ?? ""}?`;
  const option = unknownOption(text);
  if (option === undefined) return undefined;
  if (doorOptions.has(option) && hasDoors(command)) return doorWords;
  return text.includes("Did you mean") ? undefined : optionHint(option, command);
}

function unknownOption(text: string): string | undefined {
  return /unknown option '([^']+)'/.exec(text)?.[1];
}

/** True for commands that start a broker, or say what a start would do. */
function hasDoors(command: Command): boolean {
  return command.options.some(({ long }) => long === "--ws");
}

function optionHint(option: string, command: Command): string | undefined {
  const meant = command.commands.find((below) => `--${below.name()}` === option);
  if (meant !== undefined) return `did you mean ${pathOf(meant)}?`;
  return command.name() === "send" ? dashHint(`-- '${option}'`) : undefined;
}

/** `-V` as `--version`: commander knows one short word for it. */
export function withVersion(argv: readonly string[]): readonly string[] {
  return argv[2] === "-V" ? argv.with(2, "--version") : argv;
}

/** A command as it is typed: `broker config print`. */
export function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** How a text is given that looks like an option. `example`: `-- '-text'`. */
export function dashHint(example: string): string {
  return `a text that begins with - stands behind --: ${example}`;
}

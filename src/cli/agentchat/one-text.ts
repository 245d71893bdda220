import type { Command } from "commander";
import { wrongUsage } from "./exit.js";

/**
 * Lets a command whose last argument is a text say for itself that there were too many words: see {@link
 * mustBeOneText}.
 */
export function oneText(command: Command): Command {
  return command.allowExcessArguments(true);
}

/** @throws CommandFailure if the text was given without quotes, as several words */
export function mustBeOneText(command: Command): void {
  const at = command.registeredArguments.length - 1;
  if (command.args.length <= at + 1) return;
  const last = command.registeredArguments[at];
  throw wrongUsage(
    `too many words: put the ${last?.name() ?? "text"} in quotes: '${command.args
      .slice(at)
      .join(" ")
      .replaceAll("'", String.raw`'\''`)}'`,
  );
}

import { Command, CommanderError } from "commander";
import { argumentOrder } from "../argument-order.js";
import { endOnClosedPipe } from "../output.js";
import { ownPackage } from "../package-file.js";
import { dashHint, withVersion } from "../usage-words.js";
import { listCommands, roomCommands } from "./channels.js";
import { connectCommand } from "./connect.js";
import { daemonCommand } from "./daemon.js";
import { exitCodes, tellFailure } from "./exit.js";
import { identityCommand } from "./identity.js";
import { inboxCommand } from "./inbox.js";
import { listenCommand } from "./listen.js";
import { negotiationCommands } from "./negotiate.js";
import { sendCommand } from "./send.js";
import { serveCommand } from "./serve.js";

const after = `
Write channels in quotes: '#general'; without them the shell takes # for a comment.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 cannot connect, 4 refused by the server, 5 no answer in time.`;

/**
 * The `agentchat` command (AgentChat §10).
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage, 3 cannot connect, 4 refused by the server, 5 no answer in
 * time
 */
export async function main(argv: readonly string[]): Promise<number> {
  endOnClosedPipe("agentchat");
  const program = new Command("agentchat")
    .description("AgentChat: channels and direct messages for AI agents")
    .version(ownPackage().version, "-v, --version")
    .helpOption("-h, --help", "show what there is")
    .addHelpText("after", after)
    .showHelpAfterError("(agentchat COMMAND --help shows arguments and options; write channels in quotes: '#general')")
    .exitOverride();
  for (const add of [
    serveCommand,
    connectCommand,
    sendCommand,
    listenCommand,
    listCommands,
    roomCommands,
    negotiationCommands,
    identityCommand,
    daemonCommand,
    inboxCommand,
  ])
    add(program);
  explainUsage(program);
  try {
    await program.parseAsync(argumentOrder(withVersion(argv), program));
    return exitCodes.done;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    return tellFailure(thrown);
  }
}

const channelLike: readonly string[] = ["target", "channel", "channels"];
const textLike: readonly string[] = ["message", "task", "reason"];

/** Adds hints for newcomers to commander's messages about a wrong command line. */
function explainUsage(command: Command): void {
  const last = command.registeredArguments.at(-1)?.name() ?? "";
  command.configureOutput({
    outputError: (text, write) => {
      write(usageWords(text, textLike.includes(last)));
    },
  });
  for (const below of command.commands) explainUsage(below);
}

/**
 * commander's message with the hint.
 * @param text the message: `error: missing required argument 'target'`
 * @param takesText the last argument of the command is a text
 */
export function usageWords(text: string, takesText: boolean): string {
  const missing = /missing required argument '(\w+)'/.exec(text)?.[1] ?? "";
  const option = /unknown option '([^']+)'/.exec(text)?.[1];
  const hint = channelLike.includes(missing)
    ? "did the shell take an unquoted #channel for a comment? write '#general'"
    : takesText && option !== undefined && !text.includes("Did you mean")
      ? dashHint(`-- '${option}'`)
      : takesText && textLike.includes(missing)
        ? dashHint("-- '-text'")
        : undefined;
  return hint === undefined ? text : `${text.trimEnd()}; ${hint}\n`;
}

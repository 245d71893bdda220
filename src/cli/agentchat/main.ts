import { Command, CommanderError } from "commander";
import { endOnClosedPipe } from "../output.js";
import { ownPackage } from "../package-file.js";
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
    .version(ownPackage().version, "-V, --version")
    .helpOption("-h, --help", "show what there is")
    .addHelpText("after", after)
    .showHelpAfterError("(agentchat COMMAND --help shows arguments and options; write channels in quotes: '#general')")
    .exitOverride();
  explainUsage(program);
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
  try {
    await program.parseAsync([...argv]);
    return exitCodes.done;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    return tellFailure(thrown);
  }
}

const channelLike: readonly string[] = ["target", "channel", "channels"];

/** Adds hints for newcomers to commander's messages about a wrong command line. */
function explainUsage(program: Command): void {
  program.configureOutput({
    outputError: (text, write) => {
      write(usageWords(text));
    },
  });
}

/** commander's message with the hint. @param text the message: `error: missing required argument 'target'` */
export function usageWords(text: string): string {
  const missing = /missing required argument '(\w+)'/.exec(text)?.[1];
  if (missing === undefined || !channelLike.includes(missing)) return text;
  return `${text.trimEnd()}; did the shell take an unquoted #channel for a comment? write '#general'\n`;
}

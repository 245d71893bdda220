import type { Command } from "commander";
import { print } from "../output.js";
import { channelTable } from "./channel-table.js";
import { withChat } from "./chat.js";
import { talks, type TalkOptions } from "./options.js";
import { rosterTable } from "./roster.js";
import { channelName } from "./target.js";

/** What to do instead when a daemon has the identity. */
const byFiles = { instead: "leave out --identity, which a list does not need" };

/** `agentchat channels` and `agentchat agents`. */
export function listCommands(program: Command): void {
  talks(
    program
      .command("channels")
      .argument("<server>", "ws://HOST:PORT")
      .description("list the channels and how many agents are in them"),
  ).action(async (server: string, options: TalkOptions) => {
    const channels = await withChat(server, options, byFiles, (chat) => chat.listChannels());
    print(options, channels, () => channelTable(channels));
  });

  talks(
    program
      .command("agents")
      .argument("<server>", "ws://HOST:PORT")
      .argument("<channel>", "'#channel', in quotes")
      .description("list the agents in a channel: id and, where it is another, name; --json: the ids alone"),
  ).action(async (server: string, channel: string, options: TalkOptions) => {
    const roster = await withChat(server, options, byFiles, (chat) => chat.roster(channelName(channel)));
    print(options, roster.agents, () => rosterTable(roster));
  });
}

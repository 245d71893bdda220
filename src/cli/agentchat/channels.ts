import type { Command } from "commander";
import type { Roster } from "../../../clients/typescript/agentchat/client.js";
import { print, say, table, untrustedText, type Output } from "../output.js";
import { withChat } from "./chat.js";
import { addressing } from "./delivery.js";
import { agentId, channelName, talks, type TalkOptions } from "./options.js";

/** What to do instead if a daemon uses the identity. */
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
      .description("list the agents in a channel: id and, if it differs, name; --json: only the ids"),
  ).action(async (server: string, channel: string, options: TalkOptions) => {
    const roster = await withChat(server, options, byFiles, (chat) => chat.roster(channelName(channel)));
    print(options, roster.agents, () => rosterTable(roster));
  });
}

/** `agentchat create` and `agentchat invite`. */
export function roomCommands(program: Command): void {
  talks(
    program
      .command("create")
      .argument("<server>", "ws://HOST:PORT")
      .argument("<channel>", "'#channel', in quotes")
      .description("make a channel")
      .option("--invite-only", "only members hear, see and invite; use --identity, so that you stay its member"),
  ).action(async (server: string, channel: string, options: TalkOptions & { readonly inviteOnly?: boolean }) => {
    const [name, inviteOnly] = [channelName(channel), options.inviteOnly === true];
    const line = { type: "CREATE_CHANNEL", channel: name, ...(inviteOnly && { invite_only: true }) };
    await withChat(server, options, { line }, (chat) => chat.createChannel(name, inviteOnly));
    tell(options, { channel: name, invite_only: inviteOnly }, `made ${name}`);
    if (inviteOnly && options.identity === undefined)
      say(
        `warning: nobody can enter ${name}: its only member was a session without a key; ` +
          "make such channels with --identity FILE",
      );
  });

  talks(
    program
      .command("invite")
      .argument("<server>", "ws://HOST:PORT")
      .argument("<channel>", "'#channel', in quotes; you are its member")
      .argument("<agent>", "@agent-id")
      .description("invite an agent to a channel, as its member"),
  ).action(async (server: string, channel: string, agent: string, options: TalkOptions) => {
    const [name, guest] = [channelName(channel), agentId(agent)];
    await withChat(server, options, { line: { type: "INVITE", channel: name, agent: guest } }, async (chat) => {
      await chat.join(name); // only members can invite
      await addressing(chat, guest, () => chat.invite(name, guest));
    });
    tell(options, { channel: name, agent: guest }, `invited ${guest} to ${name}`);
  });
}

/** Prints data with --json, else a line for people. */
function tell(output: Output, value: unknown, words: string): void {
  if (output.json === true) print(output, value, () => "");
  else say(words);
}

/** Channels and how many agents are in each, for people. */
export function channelTable(channels: readonly { readonly name: string; readonly agents: number }[]): string {
  return table(channels.map(({ name, agents }) => [untrustedText(name), String(agents)]));
}

/** Ids of agents, with their names if they differ, for people. */
export function rosterTable({ agents, names }: Roster): string {
  return table(
    agents.map((agent) => {
      const name = Object.hasOwn(names, agent) ? names[agent] : undefined;
      return name === undefined ? [untrustedText(agent)] : [untrustedText(agent), untrustedText(name)];
    }),
  );
}

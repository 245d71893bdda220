import type { Command } from "commander";
import { print, say, type Output } from "../output.js";
import { addressing } from "./addressing.js";
import { withChat } from "./chat.js";
import { talks, type TalkOptions } from "./options.js";
import { agentId, channelName } from "./target.js";

/** `agentchat create` and `agentchat invite`. */
export function roomCommands(program: Command): void {
  talks(
    program
      .command("create")
      .argument("<server>", "ws://HOST:PORT")
      .argument("<channel>", "'#channel', in quotes")
      .description("make a channel")
      .option("--invite-only", "only members hear, see and invite; give an identity, to be its member tomorrow, too"),
  ).action(async (server: string, channel: string, options: TalkOptions & { readonly inviteOnly?: boolean }) => {
    const [name, inviteOnly] = [channelName(channel), options.inviteOnly === true];
    const line = { type: "CREATE_CHANNEL", channel: name, ...(inviteOnly && { invite_only: true }) };
    await withChat(server, options, { line }, (chat) => chat.createChannel(name, inviteOnly));
    tell(options, { channel: name, invite_only: inviteOnly }, `made ${name}`);
    if (inviteOnly && options.identity === undefined)
      say(
        `warning: nobody can enter ${name}: its only member was a session without a key; make such channels with --identity FILE`,
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
      await chat.join(name); // members only can invite
      await addressing(chat, guest, () => chat.invite(name, guest));
    });
    tell(options, { channel: name, agent: guest }, `invited ${guest} to ${name}`);
  });
}

/** Data for scripts, a word for people. */
function tell(output: Output, value: unknown, words: string): void {
  if (output.json === true) print(output, value, () => "");
  else say(words);
}

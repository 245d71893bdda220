import type { Command } from "commander";
import type { NegotiationEvent } from "../../../bridges/agentchat/events.js";
import { print } from "../output.js";
import type { ProposalTerms } from "../../../bridges/agentchat/client-negotiation.js";
import { withChat, type Chat } from "./chat.js";
import { defaultIdentity, quantity, talks, type TalkOptions } from "./options.js";
import { agentId } from "./target.js";

interface ProposeOptions extends TalkOptions, Omit<ProposalTerms, "task"> {}

/** `agentchat propose`, `accept`, `reject`, `complete`, `dispute`: each prints the proposal's id and where it stands. */
export function negotiationCommands(program: Command): void {
  keyed(
    program
      .command("propose")
      .argument("<server>", "ws://HOST:PORT")
      .argument("<to>", "@agent-id, online now")
      .argument("<task>", "what is to be done")
      .description("propose work to an agent, signed with your identity")
      .option("--amount <n>", "what it is worth", quantity)
      .option("--currency <code>", "in what")
      .option("--payment-code <code>", "where to pay")
      .option("--terms <text>", "more terms; the signature does not cover them")
      .option("--expires <seconds>", "open for this long", quantity),
  ).action(async (server: string, to: string, task: string, options: ProposeOptions) => {
    const { amount, currency, paymentCode, terms, expires } = options;
    const whole: ProposalTerms = {
      task,
      ...(amount !== undefined && { amount }),
      ...(currency !== undefined && { currency }),
      ...(paymentCode !== undefined && { paymentCode }),
      ...(terms !== undefined && { terms }),
      ...(expires !== undefined && { expires }),
    };
    await take(server, options, (chat) => chat.propose(agentId(to), whole));
  });

  step(program, "accept", "accept a proposal made to you")
    .option("--payment-code <code>", "where to pay")
    .action((server: string, id: string, options: TalkOptions & { readonly paymentCode?: string }) => take(server, options, (chat) => chat.accept(id, options.paymentCode)));
  step(program, "reject", "reject a proposal made to you")
    .option("--reason <text>", "why")
    .action((server: string, id: string, options: TalkOptions & { readonly reason?: string }) => take(server, options, (chat) => chat.reject(id, options.reason)));
  step(program, "complete", "say that what was accepted is done")
    .option("--proof <text>", "where to see it")
    .action((server: string, id: string, options: TalkOptions & { readonly proof?: string }) => take(server, options, (chat) => chat.complete(id, options.proof)));
  step(program, "dispute", "say that what was accepted was not done as agreed")
    .argument("<reason>", "what is wrong")
    .action((server: string, id: string, reason: string, options: TalkOptions) => take(server, options, (chat) => chat.dispute(id, reason)));
}

function step(program: Command, name: string, description: string): Command {
  return keyed(program.command(name).argument("<server>", "ws://HOST:PORT").argument("<id>", "the proposal's id").description(description));
}

function keyed(command: Command): Command {
  return talks(command, defaultIdentity);
}

async function take(server: string, options: TalkOptions, act: (chat: Chat) => Promise<NegotiationEvent>): Promise<void> {
  const event = await withChat(server, options, act);
  print(options, event, () => `${event.proposal_id} ${event.status}`);
}

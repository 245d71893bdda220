import type { Command } from "commander";
import type { NegotiationEvent } from "../../../bridges/agentchat/events.js";
import { print, untrustedText } from "../output.js";
import type { ProposalTerms } from "../../../clients/typescript/agentchat/client.js";
import { addressing } from "./delivery.js";
import { withChat, type Chat } from "./chat.js";
import {
  agentId,
  defaultIdentity,
  mustBeOneText,
  oneText,
  quantity,
  seconds,
  talks,
  type TalkOptions,
} from "./options.js";

interface ProposeOptions extends TalkOptions, Omit<ProposalTerms, "task"> {}

/**
 * `agentchat propose`, `accept`, `reject`, `complete`, `dispute`: each prints the proposal's id and its status.
 */
export function negotiationCommands(program: Command): void {
  keyed(
    oneText(program.command("propose"))
      .argument("<server>", "ws://HOST:PORT")
      .argument("<to>", "@agent-id, online now")
      .argument("<task>", "what is to be done")
      .description("propose work to an agent, signed with your identity")
      .option("--amount <n>", "what it is worth", quantity)
      .option("--currency <code>", "in what")
      .option("--payment-code <code>", "where to pay")
      .option("--terms <text>", "more terms; the signature does not cover them")
      .option("--expires <seconds>", "open for this long, more than 0", seconds),
  ).action(async (server: string, to: string, task: string, options: ProposeOptions, command: Command) => {
    mustBeOneText(command);
    const { amount, currency, paymentCode, terms, expires } = options;
    const partner = agentId(to);
    const whole: ProposalTerms = {
      task,
      ...(amount !== undefined && { amount }),
      ...(currency !== undefined && { currency }),
      ...(paymentCode !== undefined && { paymentCode }),
      ...(terms !== undefined && { terms }),
      ...(expires !== undefined && { expires }),
    };
    const line = { type: "PROPOSAL", to: partner, task, amount, currency, payment_code: paymentCode, terms, expires };
    await take(server, options, line, (chat) => addressing(chat, partner, () => chat.propose(partner, whole)));
  });

  step(program, "accept", "accept a proposal made to you")
    .option("--payment-code <code>", "where to pay")
    .action((server: string, id: string, options: TalkOptions & { readonly paymentCode?: string }) =>
      take(server, options, { type: "ACCEPT", proposal_id: id, payment_code: options.paymentCode }, (chat) =>
        chat.accept(id, options.paymentCode),
      ),
    );
  step(program, "reject", "reject a proposal made to you")
    .option("--reason <text>", "why")
    .action((server: string, id: string, options: TalkOptions & { readonly reason?: string }) =>
      take(server, options, { type: "REJECT", proposal_id: id, reason: options.reason }, (chat) =>
        chat.reject(id, options.reason),
      ),
    );
  step(program, "complete", "say that what was accepted is done")
    .option("--proof <text>", "where to see it")
    .action((server: string, id: string, options: TalkOptions & { readonly proof?: string }) =>
      take(server, options, { type: "COMPLETE", proposal_id: id, proof: options.proof }, (chat) =>
        chat.complete(id, options.proof),
      ),
    );
  oneText(
    step(program, "dispute", "say that what was accepted was not done as agreed").argument("<reason>", "what is wrong"),
  ).action((server: string, id: string, reason: string, options: TalkOptions, command: Command) => {
    mustBeOneText(command);
    return take(server, options, { type: "DISPUTE", proposal_id: id, reason }, (chat) => chat.dispute(id, reason));
  });
}

function step(program: Command, name: string, description: string): Command {
  return keyed(
    program
      .command(name)
      .argument("<server>", "ws://HOST:PORT")
      .argument("<id>", "the proposal's id")
      .description(description),
  );
}

function keyed(command: Command): Command {
  return talks(command, defaultIdentity);
}

/**
 * Takes one step of a negotiation.
 * @param line the same step as a line for a daemon's outbox; JSON leaves out what is undefined
 */
async function take(
  server: string,
  options: TalkOptions,
  line: Readonly<Record<string, unknown>>,
  act: (chat: Chat) => Promise<NegotiationEvent>,
): Promise<void> {
  const event = await withChat(server, options, { line }, act);
  print(options, event, () => untrustedText(`${event.proposal_id} ${event.status}`));
}

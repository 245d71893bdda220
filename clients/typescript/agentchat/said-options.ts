import type { ReadOn } from "../shared/joined-rooms.js";
import type { AskOptions } from "../shared/questions.js";
import { unknownOption, type Known } from "../shared/unknown-option.js";
import { AgentChatError } from "./error.js";

/** How a channel is joined: `replay` asks for its last messages, `after` for all that follows a place there. */
export interface JoinOptions extends Partial<ReadOn> {
  readonly replay?: number;
}

/** How something is said; `msgId` is made up if it is not given. */
export interface MessageOptions {
  readonly msgId?: string;
  readonly inReplyTo?: string;
  /** Asks to be told when a mailbox has stored it, and when it is settled. */
  readonly receipt?: boolean;
}

/** What is proposed (AgentChat §6.1). No field but `terms` may hold `|`. */
export interface ProposalTerms {
  readonly task: string;
  readonly amount?: number;
  readonly currency?: string;
  readonly paymentCode?: string;
  /** Not covered by the signature. */
  readonly terms?: string;
  /** Seconds. */
  readonly expires?: number;
}

/** Options of what is said, by the call that says it. */
const saidOptions = {
  MSG: { msgId: true, inReplyTo: true, receipt: true } satisfies Known<MessageOptions>,
  JOIN: { replay: true, after: true } satisfies Known<JoinOptions>,
  ASK: { timeoutMs: true } satisfies Known<AskOptions>,
  PROPOSAL: {
    task: true,
    amount: true,
    currency: true,
    paymentCode: true,
    terms: true,
    expires: true,
  } satisfies Known<ProposalTerms>,
} as const;

/** @throws AgentChatError INVALID_MSG for an option that is none, before anything is sent */
export function checkSaidOptions(call: keyof typeof saidOptions, options: object): void {
  const problem = unknownOption(call, options, saidOptions[call]);
  if (problem !== undefined) throw new AgentChatError("INVALID_MSG", `${problem}; nothing was sent`, { call });
}

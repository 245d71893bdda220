import { randomUUID } from "node:crypto";
import type { NegotiationEvent } from "../../../bridges/agentchat/events.js";
import { commands, type Command, type NegotiationType } from "../../../bridges/agentchat/schema.js";
import { messageText, proposalText, stepText } from "../../../bridges/agentchat/signed-text.js";
import { shapeProblemText } from "../../../src/core/index.js";
import { AgentChatError } from "./error.js";
import type { ServerEvent, ServerEventOf } from "./events.js";
import { sign, type Identity } from "./identity.js";
import { checkSaidOptions, type JoinOptions, type MessageOptions, type ProposalTerms } from "./said-options.js";
import { jsonProblem } from "../shared/no-json-number.js";
import type { ReadOn } from "../shared/joined-rooms.js";

/** The calls that a server answers: every command but MSG. */
export type CallKind = Exclude<Command["type"], "MSG">;

/** What is about to be said. */
export type CommandFrame<T extends Command["type"] = Command["type"]> = Readonly<Record<string, unknown>> & {
  readonly type: T;
};

/**
 * Checks what can be checked before anything is sent, so that no refusal has to find its way back.
 * @throws AgentChatError INVALID_MSG
 */
export function checkFrame(frame: CommandFrame): void {
  const { type } = frame;
  const checked = commands[type].safeParse(frame);
  const { data } = frame;
  const problem = checked.success
    ? data === undefined
      ? undefined
      : jsonProblem({ data })
    : shapeProblemText(checked.error, frame);
  if (problem !== undefined)
    throw new AgentChatError("INVALID_MSG", `${type}: ${problem}; nothing was sent`, { call: type });
}

/** A channel that is to be joined. */
export type JoinFrame = CommandFrame<"JOIN"> & Partial<ReadOn> & { readonly channel: string; readonly replay?: number };

/** The answer to JOIN and CREATE_CHANNEL. */
export function joinedTo(channel: string): (event: ServerEvent) => ServerEventOf<"JOINED"> | undefined {
  return (event) => (event.type === "JOINED" && event.channel === channel ? event : undefined);
}

/** @throws AgentChatError INVALID_MSG for two ways to read what is past, and for an option that is none */
export function joinFrame(channel: string, options: JoinOptions): JoinFrame {
  checkSaidOptions("JOIN", options);
  if (options.replay !== undefined && options.after !== undefined)
    throw new AgentChatError(
      "INVALID_MSG",
      "JOIN: replay and after are two ways to read what is past; give one of them; nothing was sent",
    );
  return { type: "JOIN", channel, ...options };
}

/** An agent's id with its `@`. @throws AgentChatError INVALID_MSG if it is no text */
export function atSign(agent: unknown): string {
  if (typeof agent !== "string")
    throw new AgentChatError("INVALID_MSG", "an agent is named by its @agent-id, a text; nothing was sent");
  return agent.startsWith("@") ? agent : `@${agent}`;
}

/** A message, ready to be sent. */
export type MessageFrame = CommandFrame<"MSG"> & { readonly msg_id: string };

/** A message, signed if there is an identity. @throws AgentChatError INVALID_MSG */
export function messageFrame(
  identity: Identity | undefined,
  to: string,
  content: string,
  options: MessageOptions = {},
): MessageFrame {
  checkSaidOptions("MSG", options);
  const { msgId = randomUUID(), inReplyTo, receipt } = options;
  if (Object.hasOwn(commands, msgId))
    throw new AgentChatError("INVALID_MSG", `msgId ${msgId} is the name of a command; choose another`);
  const said: MessageFrame = {
    type: "MSG",
    to,
    content,
    msg_id: msgId,
    in_reply_to: inReplyTo === "" ? undefined : inReplyTo,
    receipt,
  };
  checkFrame(said); // only a text can be signed
  const ts = Date.now();
  return identity === undefined ? said : { ...said, ts, sig: sign(identity, messageText({ to, content, ts })) };
}

/** A question, ready to be asked. */
export type AskFrame = CommandFrame<"ASK"> & { readonly msg_id: string };

/** What the broker answers to a question: `message` is for people, `data` for programs. */
export interface Answer {
  readonly kind: string;
  readonly message: string;
  readonly data: unknown;
}

/** A question to the broker. */
export function askFrame(kind: string, data: Readonly<Record<string, unknown>> | undefined): AskFrame {
  return { type: "ASK", kind, ...(data !== undefined && { data }), msg_id: randomUUID() };
}

/** The answer to this question, if the event is that. */
export function answerTo({ msg_id }: AskFrame, event: ServerEvent): Answer | undefined {
  if (event.type !== "ANSWER" || event.ref !== msg_id) return undefined;
  return { kind: event.kind, message: event.message, data: event.data };
}

/** A step after the proposal. */
export type StepType = Exclude<NegotiationType, "PROPOSAL">;

/** A signed step, ready to be sent. */
export type NegotiationFrame = CommandFrame<NegotiationType> & { readonly sig: string };

/** The field of each step that its signature covers. */
const stepField = {
  ACCEPT: "payment_code",
  REJECT: "reason",
  COMPLETE: "proof",
  DISPUTE: "reason",
} as const satisfies Record<StepType, string>;

/** @throws AgentChatError SIGNATURE_REQUIRED without an identity, INVALID_MSG for a term that is none */
export function proposalFrame(identity: Identity | undefined, to: string, proposed: ProposalTerms): NegotiationFrame {
  checkSaidOptions("PROPOSAL", proposed);
  const { task, amount, currency, paymentCode, terms, expires } = proposed;
  const signed = { to, task, amount, currency, payment_code: paymentCode, expires };
  return { type: "PROPOSAL", ...signed, terms, sig: sign(needed(identity), proposalText(signed)) };
}

/** @throws AgentChatError SIGNATURE_REQUIRED without an identity */
export function stepFrame(
  identity: Identity | undefined,
  type: StepType,
  proposalId: string,
  field: string | undefined,
): NegotiationFrame {
  return {
    type,
    proposal_id: proposalId,
    [stepField[type]]: field,
    sig: sign(needed(identity), stepText(type, proposalId, field)),
  };
}

/**
 * The event that tells of the step that `self` took with `frame`; undefined for any other. It is known by its proposal
 * and its signature, since other servers do not say who took a step. A server that passes no signature on is believed
 * by proposal, or by task and partner.
 */
export function outcomeOf(frame: NegotiationFrame, self: string, event: ServerEvent): NegotiationEvent | undefined {
  if (event.type !== frame.type || (event.sig !== "" && event.sig !== frame.sig)) return undefined;
  const isOwn =
    event.type === "PROPOSAL"
      ? event.sig !== "" || (event.task === frame["task"] && event.to === frame["to"])
      : event.proposal_id === frame["proposal_id"];
  return isOwn ? { ...event, from: self } : undefined;
}

/**
 * The same step with the signature that servers of other makers want, whose text has one field more, which is empty
 * here; undefined if this kind of step has no such text.
 */
export function signedAsElsewhere(
  identity: Identity | undefined,
  frame: NegotiationFrame,
): NegotiationFrame | undefined {
  if (identity === undefined || (frame.type !== "PROPOSAL" && frame.type !== "ACCEPT")) return undefined;
  const fields =
    frame.type === "PROPOSAL"
      ? ["to", "task", "amount", "currency", "payment_code", "expires"].map((field) => frame[field])
      : ["ACCEPT", frame["proposal_id"], frame["payment_code"]];
  const text = [...fields, ""]
    .map((field) => (typeof field === "string" || (typeof field === "number" && field !== 0) ? field : ""))
    .join("|");
  return { ...frame, sig: sign(identity, text) };
}

function needed(identity: Identity | undefined): Identity {
  if (identity === undefined)
    throw new AgentChatError(
      "SIGNATURE_REQUIRED",
      "agreements need a key: make one with agentchat identity --generate, and give the client its path as identity",
    );
  return identity;
}

import type { Clock } from "../../../src/core/clock.js";
import type { OpenCalls } from "./calls.js";
import { compose, newId, type Author } from "./composing.js";
import {
  parametersProblem,
  readContent,
  type AnswerCode,
  type ProposalDetails,
  type QueryParameters,
  type QueryType,
  type RejectionReason,
} from "./contents.js";
import type { NewMessage } from "./delivery/outbox-ports.js";
import { networkError, NetworkError } from "./error.js";
import { system, type Fields } from "./frames.js";
import type { Message } from "./message.js";
import { checkCallOptions, checkSendOptions, type CallOptions, type SendOptions } from "./options.js";
import type { Proposals } from "./proposals.js";

/** What was taken to be said: it is kept, on disk where there is one, and said as soon as it can be. */
export interface Said {
  readonly messageId: string;
  readonly conversationId: string;
}

/** What a query is answered by: data, or why there is none. */
export type Answer =
  | { readonly data: unknown }
  | { readonly error: { readonly code: AnswerCode; readonly message: string; readonly details?: Fields } };

/** What has become of a proposal of ours. */
export type Decision =
  | { readonly status: "ACCEPTED"; readonly calendarEventId?: string | undefined; readonly message: Message }
  | {
      readonly status: "REJECTED";
      readonly reason: RejectionReason;
      readonly details?: string | undefined;
      readonly message: Message;
    }
  /** An agent of another dialect has answered in words of its own (Agent Network §4.3). */
  | { readonly status: "ANSWERED"; readonly message: Message };

/** What talking stands on. */
export interface TalkingPorts extends Author {
  readonly clock: Clock;
  readonly calls: OpenCalls;
  readonly proposals: Proposals;
  readonly answerTimeoutMs: number;
  /** Keys are needed before anything is said. */
  open(): Promise<unknown>;
  /** Keeps it; resolves when it is on disk, where there is one. */
  keep(message: NewMessage): Promise<void>;
}

/** What an application says, as the types of the document (Agent Network §1.2). */
export class Talking {
  readonly #ports: TalkingPorts;
  /** What is said without waiting for what was said before still comes in its order. */
  #tail: Promise<unknown> = Promise.resolve();
  // bound: what the application says at once · evicts: once it is on disk, or refused · owner: Talking
  readonly #keeping = new Set<Promise<unknown>>();

  constructor(ports: TalkingPorts) {
    this.#ports = ports;
  }

  /** @throws NetworkError INVALID_MESSAGE_FORMAT; NotTaken where too much waits */
  async send(to: string, messageType: string, content: Fields, options: SendOptions = {}): Promise<Said> {
    checkSendOptions("send", options);
    return this.#keep(await this.#composed(to, messageType, content, options));
  }

  /** The data of the answer. @throws NetworkError with the code of the answer, TIMEOUT_ERROR, or why it has failed */
  async query<T extends QueryType | (string & {})>(
    to: string,
    queryType: T,
    parameters: T extends QueryType ? QueryParameters<T> : Fields,
    options: CallOptions = {},
  ): Promise<unknown> {
    const problem = parametersProblem(queryType, parameters);
    if (problem !== undefined) throw networkError("INVALID_MESSAGE_FORMAT", `${problem}; nothing was sent`);
    const requestId = newId("req");
    const content = { requestId, queryType, parameters };
    const answer = await this.#call("QUERY", to, requestId, content, options);
    const read = readContent("RESPONSE", answer.content);
    if ("problem" in read)
      throw networkError("INVALID_MESSAGE_FORMAT", `${to} has answered, but in no form: ${read.problem}`);
    const { error, data } = read.content;
    if (error != null) throw new NetworkError(error.code, error.message, error.details);
    return data;
  }

  /** @param query what is answered */
  async respond(query: Message, answer: Answer, options: SendOptions = {}): Promise<Said> {
    checkSendOptions("respond", options);
    const { requestId } = contentOf("QUERY", query);
    const content =
      "error" in answer
        ? { requestId, data: null, error: answer.error }
        : { requestId, data: answer.data, error: null };
    return this.#reply(query, "RESPONSE", content, options);
  }

  /** Resolves when it is decided. @throws NetworkError TIMEOUT_ERROR also when it has expired */
  async propose(
    to: string,
    details: ProposalDetails,
    { proposalId = newId("prop"), ...options }: CallOptions & { readonly proposalId?: string } = {},
  ): Promise<Decision> {
    const { expiresAt } = details;
    const content = { proposalId, details: { status: "PENDING", ...details } };
    const untilEnd = expiresAt === undefined ? undefined : Math.max(1, expiresAt - this.#ports.now());
    const timeoutMs = options.timeoutMs ?? untilEnd;
    const ends = { ...(expiresAt !== undefined && { expiresAt }) };
    const limited = { ...ends, ...options, ...(timeoutMs !== undefined && { timeoutMs }) };
    return decisionOf(await this.#call("PROPOSAL", to, proposalId, content, limited));
  }

  /** @throws NetworkError where the proposal has expired */
  async confirm(
    proposal: Message,
    more: { readonly calendarEventId?: string } = {},
    options: SendOptions = {},
  ): Promise<Said> {
    checkSendOptions("confirm", options);
    const proposalId = this.#stillOpen(proposal);
    const said = await this.#reply(proposal, "CONFIRMATION", { proposalId, status: "ACCEPTED", ...more }, options);
    this.#ports.proposals.decided("peer", proposal.senderId, proposalId, { status: "ACCEPTED" });
    return said;
  }

  /** @param details why, in words; needed with OTHER */
  async reject(proposal: Message, reason: RejectionReason, details?: string, options: SendOptions = {}): Promise<Said> {
    checkSendOptions("reject", options);
    const proposalId = this.#stillOpen(proposal);
    const content = { proposalId, reason, ...(details !== undefined && { details }) };
    const said = await this.#reply(proposal, "REJECTION", content, options);
    this.#ports.proposals.decided("peer", proposal.senderId, proposalId, { status: "REJECTED", reason });
    return said;
  }

  /** A text, with whatever else is to be said. */
  async inform(to: string, text: string, more: Fields = {}, options: SendOptions = {}): Promise<Said> {
    return this.send(to, "INFORM", { ...more, text }, options);
  }

  /** Resolves when what is being kept is on disk, or refused. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#keeping);
  }

  async #call(
    kind: "QUERY" | "PROPOSAL",
    to: string,
    id: string,
    content: Fields,
    asked: CallOptions,
  ): Promise<Message> {
    checkCallOptions(kind === "QUERY" ? "query" : "propose", asked);
    const { timeoutMs = this.#ports.answerTimeoutMs, ...options } = asked;
    const message = await this.#composed(to, kind, content, options);
    const sealed = options.plain !== true;
    const timedOut = (): NetworkError =>
      networkError(
        "TIMEOUT_ERROR",
        `${to} has not answered within ${timeoutMs} ms; what was said stays kept until it is delivered, and an answer that ` +
          "comes later is heard as a message",
        { messageId: message.messageId },
      );
    const answer = this.#ports.calls.wait({
      peer: to,
      id,
      kind,
      messageId: message.messageId,
      sealed,
      timeoutMs,
      timedOut,
    });
    try {
      await this.#keep(message);
    } catch (thrown) {
      answer.catch(() => undefined); // it is this error that is told
      this.#ports.calls.fail(message.messageId, networkError("MESSAGE_ERROR", "it was not kept"));
      throw thrown;
    }
    return answer;
  }

  async #reply(to: Message, messageType: string, content: Fields, options: SendOptions): Promise<Said> {
    const { conversationId, senderId } = to;
    const said = { conversationId, ...options, ...(senderId === system && { plain: true }) }; // the broker has no keys
    return this.#keep(await this.#composed(senderId, messageType, content, said));
  }

  #composed(...said: [to: string, messageType: string, content: Fields, options: SendOptions]): Promise<NewMessage> {
    const mine = this.#tail.then(async () => {
      await this.#ports.open();
      return compose(this.#ports, ...said);
    });
    this.#tail = mine.catch(() => undefined);
    return mine;
  }

  async #keep(message: NewMessage): Promise<Said> {
    const { messageId, conversationId, recipientId, messageType, content, metadata } = message;
    const keeping = this.#ports.keep(message);
    this.#keeping.add(keeping);
    try {
      await keeping;
    } finally {
      this.#keeping.delete(keeping);
    }
    if (messageType === "PROPOSAL") {
      const read = readContent("PROPOSAL", content);
      if ("content" in read)
        this.#ports.proposals.made({
          from: "us",
          peer: recipientId,
          conversationId,
          sealed: metadata.encrypted !== false,
          proposalId: read.content.proposalId,
          details: read.content.details,
        });
    }
    return { messageId, conversationId };
  }

  #stillOpen(proposal: Message): string {
    const { proposalId } = contentOf("PROPOSAL", proposal);
    if (this.#ports.proposals.find("peer", proposal.senderId, proposalId)?.status === "EXPIRED")
      throw networkError("MESSAGE_ERROR", `the proposal ${proposalId} has expired; propose it anew`);
    return proposalId;
  }
}

/** The content of a message that is to be answered. @throws NetworkError */
function contentOf<T extends "QUERY" | "PROPOSAL">(type: T, message: Message) {
  const read = message.messageType === type ? readContent(type, message.content) : { problem: `this is no ${type}` };
  if ("problem" in read) throw networkError("INVALID_MESSAGE_FORMAT", `it cannot be answered: ${read.problem}`);
  return read.content;
}

function decisionOf(message: Message): Decision {
  const { messageType, content } = message;
  if (messageType === "CONFIRMATION") {
    const read = readContent("CONFIRMATION", content);
    if ("content" in read) return { status: "ACCEPTED", calendarEventId: read.content.calendarEventId, message };
  } else if (messageType === "REJECTION") {
    const read = readContent("REJECTION", content);
    if ("content" in read)
      return { status: "REJECTED", reason: read.content.reason, details: read.content.details, message };
  }
  return { status: "ANSWERED", message };
}

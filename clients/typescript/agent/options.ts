import type { Content, Envelope, Log, ReceiptWord } from "../../../src/core/index.js";
import type { MailboxOption } from "./mailbox-options.js";

/** What is said: a text, or content with a text and more. */
export type Said = string | Content;

/** What one message may carry beside its content. */
export interface SendOptions {
  readonly messageId?: string;
  readonly inReplyTo?: string;
  readonly conversationId?: string;
  readonly priority?: Envelope["priority"];
  /**
   * Not delivered after it: a Date, or a text in ISO 8601 with its zone. Only for what is worth nothing later: how long
   * a request waits for its answer is `timeoutMs`.
   */
  readonly expiresAt?: Date | string;
  /** The same, in so many milliseconds from now; one of the two. */
  readonly expiresInMs?: number;
  /** What to be told about a message to a mailbox, by informs of kind `receipt`. */
  readonly receipt?: readonly ReceiptWord[];
  /** It goes into no mailbox: who is away does not hear it. */
  readonly ephemeral?: boolean;
}

/** Settings of an agent; times in milliseconds. */
export interface AgentOptions {
  /** A name for people; never routes. */
  readonly displayName?: string;
  /** How long a request waits for its response. */
  readonly requestTimeoutMs?: number;
  /** Requests that may wait at once. */
  readonly pendingMax?: number;
  /** Messages kept for iteration when no handler takes them. */
  readonly inboxMax?: number;
  /** How many handlers of requests, responses and informs may run at once; one more request is answered as `full`. */
  readonly answeringMax?: number;
  /** The largest message, bytes of JSON; the broker's `zmqFrameMaxBytes`. */
  readonly messageMaxBytes?: number;
  /**
   * Refuse to be a second program under one name; true when absent. With false, both hear what is for the name, and the
   * first response answers a request.
   */
  readonly exclusive?: boolean;
  /** Hear what this agent itself published to rooms and topics. */
  readonly hearOwn?: boolean;
  /** Is told of each response and inform (ids only), and of handlers that fail. */
  readonly log?: Log;
}

/** How an agent reaches a broker over ZeroMQ. */
export interface ConnectOptions extends AgentOptions {
  readonly name: string;
  /** Opens a mailbox: what is said to the agent while it is away is kept for it. It stays until it is closed. */
  readonly mailbox?: MailboxOption;
  /**
   * The broker's endpoint for PUB sockets, and for SUB sockets; default: those of the broker that runs on this machine
   * (`endpoints.json` of `dataDir`), else tcp 5555 and 5556.
   */
  readonly in?: string;
  readonly out?: string;
  /** Where the broker keeps `endpoints.json`. */
  readonly dataDir?: string;
  /** This agent's ZeroMQ token (`broker token NAME`). */
  readonly token?: string;
  /** How long `connect` waits for its round trip. */
  readonly readyTimeoutMs?: number;
  /** How long a publication waits for the broker or for room in the queue. */
  readonly publishTimeoutMs?: number;
  /**
   * How often the broker is asked for a sign of life; a line on which nothing comes for as long again is ended and made
   * anew; whole milliseconds, 0: never.
   */
  readonly silentMs?: number;
}

/** Defaults of both. */
export const agentDefaults = Object.freeze({
  requestTimeoutMs: 30_000,
  pendingMax: 10_000,
  inboxMax: 1_000,
  answeringMax: 1_000,
  messageMaxBytes: 1_048_576,
  readyTimeoutMs: 10_000,
  publishTimeoutMs: 10_000,
  silentMs: 25_000,
  /** The ping of `connect` is repeated after this time, under one id. */
  pingMs: 50,
  /** How long `close` waits until the handlers have ended. */
  closeMs: 5_000,
});

/** A request as its handler gets it. */
export type Request = Envelope & { readonly type: "request" };

/** A message that wants no answer. */
export type Notice = Envelope & { readonly type: "response" | "inform" };

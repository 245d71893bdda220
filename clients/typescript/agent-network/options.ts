import type { Clock } from "../../../src/core/clock.js";
import { unknownOption, type Known } from "../shared/unknown-option.js";
import { networkError } from "./error.js";
import { idProblem, isFields, type Metadata } from "./frames.js";
import type { NetworkStore } from "./store/store.js";
import type { WebSocketConstructor } from "./web-socket.js";

/** How a {@link SecureAgentSocket} works; everything has a default. */
export interface SocketOptions {
  /**
   * Encrypts what is kept (Agent Network §14.1). Without one nothing of a key touches a disk: the agent has new keys at
   * each start, and its peers have to accept them.
   */
  readonly passphrase?: string;
  /** Where it is kept: a folder in Node, the name of a database in browsers, or a store of your own. Memory if absent. */
  readonly store?: string | NetworkStore;
  /** Keeps no transcript (Agent Network §14.3) if false. */
  readonly transcript?: boolean;
  /** What becomes of peers that speak as the document has it, without version 2 (Agent Network §13). */
  readonly seedMode?: "accept" | "refuse";
  /** In which conversation all is said where nothing else is named; else one for each peer (Agent Network §4.4). */
  readonly conversationId?: string;
  /** How far apart heartbeats are, milliseconds; else what the broker says. */
  readonly heartbeatMs?: number;
  /** How long the first attempt to connect may take, milliseconds; each further one half as long again, up to a minute. */
  readonly connectTimeoutMs?: number;
  /** How long `query`, `propose` and `ask` wait for the answer, milliseconds. */
  readonly answerTimeoutMs?: number;
  /** Makes connections; else that of the platform. */
  readonly WebSocket?: WebSocketConstructor;
  /** Source of time. For tests. */
  readonly clock?: Clock;
}

/** How something is said. */
export interface SendOptions {
  readonly messageId?: string;
  readonly conversationId?: string;
  readonly priority?: "HIGH" | "NORMAL" | "LOW";
  readonly requiresResponse?: boolean;
  /** Further metadata: readable for the broker, signed with the frame. */
  readonly metadata?: Metadata;
  /** Not said after it, milliseconds since 1970; seven days at most. */
  readonly expiresAt?: number;
  /** In plain text, which the broker reads: for agents of other dialects, rooms and `all` (Agent Network §4.1). */
  readonly plain?: boolean;
}

/** How a question is asked. */
export interface CallOptions extends SendOptions {
  /** How long the answer is waited for, milliseconds. The message itself is kept for longer. */
  readonly timeoutMs?: number;
}

const socketOptions: Known<SocketOptions> = {
  passphrase: true,
  store: true,
  transcript: true,
  seedMode: true,
  conversationId: true,
  heartbeatMs: true,
  connectTimeoutMs: true,
  answerTimeoutMs: true,
  WebSocket: true,
  clock: true,
};

const sendOptions: Known<SendOptions> = {
  messageId: true,
  conversationId: true,
  priority: true,
  requiresResponse: true,
  metadata: true,
  expiresAt: true,
  plain: true,
};

const callOptions: Known<CallOptions> = { ...sendOptions, timeoutMs: true };

/** {@link SocketOptions} with their defaults. */
export type FullOptions = SocketOptions &
  Required<Pick<SocketOptions, "seedMode" | "transcript" | "connectTimeoutMs" | "answerTimeoutMs">>;

/** Defaults of {@link SocketOptions}. */
export const defaults: Pick<FullOptions, "seedMode" | "transcript" | "connectTimeoutMs" | "answerTimeoutMs"> =
  Object.freeze({
    seedMode: "accept",
    transcript: true,
    connectTimeoutMs: 15_000,
    answerTimeoutMs: 60_000,
  });

/** @throws NetworkError INVALID_MESSAGE_FORMAT for an option that is none, or has no sense */
export function checkSocketOptions(options: SocketOptions): void {
  refuse(unknown("new SecureAgentSocket", options, socketOptions));
  const { seedMode, passphrase, store, conversationId } = options;
  for (const problem of [
    kindProblem("passphrase", passphrase, "string", "a text"),
    kindProblem("transcript", options.transcript, "boolean", "true or false"),
    kindProblem("WebSocket", options.WebSocket, "function", "a class that makes connections"),
    conversationId === undefined ? undefined : idProblem("conversationId", conversationId),
    isStore(store) ? undefined : "store is a folder, the name of a database in browsers, or an object that keeps",
  ])
    refuse(problem);
  if (seedMode !== undefined && !["accept", "refuse"].includes(seedMode)) refuse('seedMode is "accept" or "refuse"');
  if (passphrase === "") refuse("passphrase is empty; leave it out to keep nothing, or take a long one");
  if (passphrase !== undefined && store === undefined)
    refuse("passphrase encrypts what is kept in a store, and there is none: say where, as store");
  for (const name of ["heartbeatMs", "connectTimeoutMs", "answerTimeoutMs"] as const) {
    const ms = options[name];
    if (ms !== undefined && !(Number.isFinite(ms) && ms > 0)) refuse(`${name} is a number of milliseconds above 0`);
  }
}

/** What {@link SocketOptions} go with. @throws NetworkError INVALID_MESSAGE_FORMAT */
export function checkLogin(serverUrl: unknown, authToken: unknown, agentId: unknown): void {
  const wanted = "a text: ws:// or wss://, host and path (ws://127.0.0.1:8080/agent-network/v1/connect)";
  refuse(kindProblem("serverUrl", serverUrl ?? null, "string", wanted));
  if (!isWebSocketUrl(String(serverUrl))) refuse(`serverUrl is ${wanted}`);
  if (typeof authToken !== "function")
    refuse(kindProblem("authToken", authToken ?? null, "string", "a token or a function that brings one"));
  refuse(idProblem("agentId", agentId));
}

function isWebSocketUrl(text: string): boolean {
  try {
    return /^(?:wss?|https?):$/.test(new URL(text).protocol); // a WebSocket takes both
  } catch {
    return false;
  }
}

/** @throws NetworkError INVALID_MESSAGE_FORMAT */
export function checkSendOptions(what: string, options: SendOptions): void {
  refuse(unknown(what, options, sendOptions));
  refuse(sayingProblem(options));
}

/** @throws NetworkError INVALID_MESSAGE_FORMAT */
export function checkCallOptions(what: string, options: CallOptions): void {
  refuse(unknown(what, options, callOptions));
  refuse(sayingProblem(options));
  refuse(waitProblem(options.timeoutMs));
}

/** @throws NetworkError INVALID_MESSAGE_FORMAT */
export function checkWait(timeoutMs: unknown): void {
  refuse(waitProblem(timeoutMs));
}

function unknown(what: string, options: unknown, known: Readonly<Record<string, true>>): string | undefined {
  return isFields(options) ? unknownOption(what, options, known) : `${what}: options are an object`;
}

function sayingProblem({ priority, requiresResponse, plain, metadata, expiresAt }: SendOptions): string | undefined {
  if (priority !== undefined && !["HIGH", "NORMAL", "LOW"].includes(priority))
    return 'priority is "HIGH", "NORMAL" or "LOW"';
  if (metadata !== undefined && !isFields(metadata)) return "metadata is an object";
  if (expiresAt !== undefined && (typeof expiresAt !== "number" || Number.isNaN(expiresAt)))
    return "expiresAt is a number of milliseconds since 1970";
  return (
    kindProblem("requiresResponse", requiresResponse, "boolean", "true or false") ??
    kindProblem("plain", plain, "boolean", "true or false")
  );
}

function waitProblem(timeoutMs: unknown): string | undefined {
  const isWait = timeoutMs === undefined || (typeof timeoutMs === "number" && timeoutMs > 0);
  return isWait ? undefined : "timeoutMs is a number of milliseconds above 0";
}

function kindProblem(name: string, value: unknown, kind: string, words: string): string | undefined {
  return value === undefined || typeof value === kind ? undefined : `${name} is ${words}`;
}

function isStore(store: unknown): boolean {
  if (store === undefined || (typeof store === "string" && store !== "")) return true;
  return typeof store === "object" && store !== null && "commit" in store && "read" in store;
}

function refuse(problem: string | undefined): void {
  if (problem !== undefined) throw networkError("INVALID_MESSAGE_FORMAT", problem);
}

import { setTimeout as pause } from "node:timers/promises";
import type { Event, MsgEvent, NegotiationEvent } from "../../../bridges/agentchat/events.js";
import type { ProposalTerms, Roster } from "../../../clients/typescript/agentchat/client.js";
import type { ConnectionEnd } from "../../../clients/typescript/agentchat/connection.js";
import { untrustedText } from "../output.js";
import { CommandFailure, connectWords, exitCodes, serverCode } from "./exit.js";
import { serverUrl, type WhoOptions } from "./options.js";
import { callerOf, type ByFiles } from "./own-identity.js";

/** An agent joined or left a channel. */
export type PresenceEvent = Extract<Event, { readonly type: "AGENT_JOINED" | "AGENT_LEFT" }>;

/** The part of a connected client that the commands use. */
export interface Chat {
  readonly agentId: string | undefined;
  join(channel: string): Promise<unknown>;
  leave(channel: string): Promise<unknown>;
  deliver(target: string, content: string, options?: { readonly msgId?: string }): Promise<unknown>;
  listChannels(): Promise<readonly { readonly name: string; readonly agents: number }[]>;
  roster(channel: string): Promise<Roster>;
  createChannel(channel: string, inviteOnly?: boolean): Promise<unknown>;
  invite(channel: string, agent: string): Promise<unknown>;
  propose(to: string, terms: ProposalTerms): Promise<NegotiationEvent>;
  accept(id: string, paymentCode?: string): Promise<NegotiationEvent>;
  reject(id: string, reason?: string): Promise<NegotiationEvent>;
  complete(id: string, proof?: string): Promise<NegotiationEvent>;
  dispute(id: string, reason: string): Promise<NegotiationEvent>;
  disconnect(): Promise<unknown>;
  on(event: "other", listener: (event: object) => void): unknown;
  on(event: "message", listener: (message: MsgEvent) => void): unknown;
  on(event: "agent_joined" | "agent_left", listener: (change: PresenceEvent) => void): unknown;
  on(
    event: "proposal" | "accept" | "reject" | "complete" | "dispute",
    listener: (step: NegotiationEvent) => void,
  ): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "reconnecting", listener: (when: { readonly inMs: number }) => void): unknown;
  on(event: "close", listener: (end: ConnectionEnd) => void): unknown;
  /** It comes after each reconnect; a listener added after `connect` does not get the first. */
  on(event: "open", listener: () => void): unknown;
}

/**
 * Connects to a server.
 * @param byFiles what a daemon of this folder could do instead, if it uses the identity
 * @param how `echo`: false keeps the client's own messages from coming back; `reconnect`: it connects again by itself
 * @throws CommandFailure if `server` is not an address or is not reached, or if a daemon of this folder uses the
 * identity; AgentChatError if the server refuses
 */
export async function openChat(
  server: string,
  who: WhoOptions,
  byFiles: ByFiles,
  { echo = true, reconnect = false }: { readonly echo?: boolean; readonly reconnect?: boolean } = {},
): Promise<Chat> {
  const url = serverUrl(server);
  const { name, identity } = await callerOf(url, who, byFiles);
  const { AgentChatClient } = await import("../../../clients/typescript/agentchat/client.js");
  const client = new AgentChatClient({
    server: url,
    name,
    ...(identity !== undefined && { identity }),
    echo,
    reconnect,
  });
  await reaching(server, url, client.connect());
  return client;
}

/** Connects, does `work` and disconnects. */
export async function withChat<T>(
  server: string,
  who: WhoOptions,
  byFiles: ByFiles,
  work: (chat: Chat) => Promise<T>,
): Promise<T> {
  const chat = await openChat(server, who, byFiles);
  try {
    return await work(chat);
  } finally {
    await chat.disconnect();
  }
}

/**
 * Waits for a connection; a failure of the network becomes an error about the address as it was typed.
 * @throws CommandFailure noServer; AgentChatError the server's refusal
 */
async function reaching(typed: string, url: string, connecting: Promise<void>): Promise<void> {
  try {
    await connecting;
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
    if (!(thrown instanceof Error) || (code !== "CLOSED" && code !== "TIMEOUT")) throw thrown;
    throw new CommandFailure(exitCodes.noServer, connectWords(url, typed, thrown), thrown);
  }
}

/** Resolves when the connection is closed and the client does not try again. */
export function lostForGood(chat: Chat): Promise<ConnectionEnd> {
  return new Promise((resolve) => {
    let trying = false;
    chat.on("reconnecting", () => {
      trying = true;
    });
    chat.on("close", (end) => {
      trying = false;
      // If the client tries again, it says so in the same turn of the event loop.
      setImmediate(() => {
        if (!trying) resolve(end);
      });
    });
  });
}

/** Closed by the server because of its rules, and not only because another session took over (RFC 6455 §7.4.1). */
const refusedForGood = 1008;

/** Why the client does not try again. */
export function lostWords({ code, reason }: ConnectionEnd): Error {
  return code === refusedForGood && reason !== ""
    ? new CommandFailure(exitCodes.refused, `the server does not take this agent back: ${untrustedText(reason)}`)
    : new Error("the server closed the connection for good; is this identity in use elsewhere?");
}

const triesMax = 20;
/** The longest wait between two tries. */
const waitMaxMs = 60_000;

/**
 * Does something, and does it again while the server refuses it for its rate. Each time it waits longer than the server
 * demands, because the PING after a message counts against the rate, too.
 * @throws any other refusal, and the one for the rate after `triesMax` tries; the reason of `signal`, which ends a wait
 */
export async function retryingRateLimits<T>(act: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    signal.throwIfAborted();
    try {
      return await act();
    } catch (thrown) {
      if (serverCode(thrown) !== "RATE_LIMITED" || tries === triesMax) throw thrown;
      await pause(Math.min(retryAfter(thrown) * (1 + tries), waitMaxMs), undefined, { signal });
    }
  }
}

function retryAfter(thrown: unknown): number {
  const told = thrown instanceof Error && "retryAfterMs" in thrown ? thrown.retryAfterMs : undefined;
  return typeof told === "number" && told > 0 ? told : 1_000;
}

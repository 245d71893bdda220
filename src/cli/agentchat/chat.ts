import { setTimeout as pause } from "node:timers/promises";
import type { Event, MsgEvent, NegotiationEvent } from "../../../bridges/agentchat/events.js";
import type { Roster } from "../../../clients/typescript/agentchat/client.js";
import type { ProposalTerms } from "../../../clients/typescript/agentchat/client.js";
import { CommandFailure, connectWords, exitCodes, serverCode } from "./exit.js";
import { serverUrl, type WhoOptions } from "./options.js";
import { callerOf, type ByFiles } from "./own-identity.js";

/** Presence in a channel, as it is told. */
export type PresenceEvent = Extract<Event, { readonly type: "AGENT_JOINED" | "AGENT_LEFT" }>;

/** What the commands need of a connected client. */
export interface Chat {
  readonly agentId: string | undefined;
  join(channel: string): Promise<unknown>;
  leave(channel: string): Promise<unknown>;
  send(target: string, content: string, options?: { readonly msgId?: string }): Promise<unknown>;
  listChannels(): Promise<readonly { readonly name: string; readonly agents: number }[]>;
  roster(channel: string): Promise<Roster>;
  createChannel(channel: string, inviteOnly?: boolean): Promise<unknown>;
  invite(channel: string, agent: string): Promise<unknown>;
  ping(): Promise<unknown>;
  propose(to: string, terms: ProposalTerms): Promise<NegotiationEvent>;
  accept(id: string, paymentCode?: string): Promise<NegotiationEvent>;
  reject(id: string, reason?: string): Promise<NegotiationEvent>;
  complete(id: string, proof?: string): Promise<NegotiationEvent>;
  dispute(id: string, reason: string): Promise<NegotiationEvent>;
  disconnect(): Promise<unknown>;
  on(event: "message", listener: (message: MsgEvent) => void): unknown;
  on(event: "agent_joined" | "agent_left", listener: (change: PresenceEvent) => void): unknown;
  on(
    event: "proposal" | "accept" | "reject" | "complete" | "dispute",
    listener: (step: NegotiationEvent) => void,
  ): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "reconnecting", listener: (when: { readonly inMs: number }) => void): unknown;
  /** `open` is told after each reconnect; a listener that comes after `connect` misses the first. */
  on(event: "close" | "open", listener: () => void): unknown;
  off(event: "error", listener: (error: Error) => void): unknown;
}

/** How a command connects. */
export interface OpenOptions {
  /** False: what is said here does not come back. */
  readonly echo?: boolean;
  readonly reconnect?: boolean;
  /** What a daemon could do in this command's place, if it has the identity. */
  readonly byFiles: ByFiles;
}

/**
 * Connects as the options say.
 * @throws CommandFailure if `server` is no address, is not reached, or a daemon of this folder has the identity;
 * AgentChatError if it refuses
 */
export async function openChat(
  server: string,
  who: WhoOptions,
  { echo = true, reconnect = false, byFiles }: OpenOptions,
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

/** Connects, does something, leaves. */
export async function withChat<T>(
  server: string,
  who: WhoOptions,
  byFiles: ByFiles,
  work: (chat: Chat) => Promise<T>,
): Promise<T> {
  const chat = await openChat(server, who, { byFiles });
  try {
    return await work(chat);
  } finally {
    await chat.disconnect();
  }
}

/**
 * Waits for a connection; a network's failure is told in words about the address as it was typed.
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

/** Resolves when the line is gone for good: closed, and the client does not try again. */
export function lostForGood(chat: Chat): Promise<"lost"> {
  return new Promise((resolve) => {
    let trying = false;
    chat.on("reconnecting", () => {
      trying = true;
    });
    chat.on("close", () => {
      trying = false;
      // The client says in the same turn whether it tries again.
      setImmediate(() => {
        if (!trying) resolve("lost");
      });
    });
  });
}

const triesMax = 20;
const waitMaxMs = 60_000;

/**
 * Does something again as often as the server says that it came too fast. Each time it waits longer than it is told to:
 * the PING behind a message costs, too, and would eat what the wait has earned.
 * @throws what the server says else, or goes on saying; the reason of `signal`, which ends a wait at once
 */
export async function patiently<T>(act: () => Promise<T>, signal: AbortSignal): Promise<T> {
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

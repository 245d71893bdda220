import type { ProposalTerms } from "../../../bridges/agentchat/client-negotiation.js";
import type { Event, MsgEvent, NegotiationEvent } from "../../../bridges/agentchat/events.js";
import { CommandFailure, exitCodes } from "./exit.js";
import type { WhoOptions } from "./options.js";
import { serverUrl } from "./target.js";

/** Presence in a channel, as it is told. */
export type PresenceEvent = Extract<Event, { readonly type: "AGENT_JOINED" | "AGENT_LEFT" }>;

/** What the commands need of a connected client. */
export interface Chat {
  readonly agentId: string | undefined;
  join(channel: string): Promise<unknown>;
  leave(channel: string): Promise<unknown>;
  send(target: string, content: string, options?: { readonly msgId?: string }): Promise<unknown>;
  listChannels(): Promise<readonly { readonly name: string; readonly agents: number }[]>;
  listAgents(channel: string): Promise<readonly string[]>;
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
  on(event: "proposal" | "accept" | "reject" | "complete" | "dispute", listener: (step: NegotiationEvent) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "reconnecting", listener: (when: { readonly inMs: number }) => void): unknown;
  /** `open` is told after each reconnect; a listener that comes after `connect` misses the first. */
  on(event: "close" | "open", listener: () => void): unknown;
  off(event: "error", listener: (error: Error) => void): unknown;
}

/** Connects as the options say. @throws CommandFailure if `server` is no address, or not reached; AgentChatError if it refuses */
export async function openChat(server: string, { name, identity }: WhoOptions, { echo = true, reconnect = false }: { readonly echo?: boolean; readonly reconnect?: boolean } = {}): Promise<Chat> {
  const url = serverUrl(server);
  const { AgentChatClient, AgentChatError } = await import("../../../bridges/agentchat/client.js");
  const { readIdentity } = await import("../../../bridges/agentchat/identity-file.js");
  const called = name ?? (identity === undefined ? `agent-${process.pid}` : (await readIdentity(identity)).name);
  const client = new AgentChatClient({ server: url, name: called, ...(identity !== undefined && { identity }), echo, reconnect });
  try {
    await client.connect();
  } catch (thrown) {
    if (thrown instanceof AgentChatError && !["CLOSED", "TIMEOUT"].includes(thrown.code)) throw thrown;
    throw new CommandFailure(exitCodes.noServer, `${thrown instanceof Error ? thrown.message : String(thrown)} (agentchat serve starts one)`, thrown);
  }
  return client;
}

/** Connects, does something, leaves. */
export async function withChat<T>(server: string, who: WhoOptions, work: (chat: Chat) => Promise<T>): Promise<T> {
  const chat = await openChat(server, who);
  try {
    return await work(chat);
  } finally {
    await chat.disconnect();
  }
}

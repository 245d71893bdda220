import { AgentChatClient } from "../client.js";
import type { ProposalTerms } from "../said-options.js";

/**
 * The client that a daemon talks through: one connection, made once, never made again by itself. Every promise settles
 * within a time that the client sets.
 */
export interface DaemonClient {
  /** The `@agent-id` once connected. */
  readonly agentId: string | undefined;
  connect(): Promise<void>;
  join(channel: string, options?: { readonly replay?: number }): Promise<unknown>;
  leave(channel: string): Promise<unknown>;
  createChannel(channel: string, inviteOnly?: boolean): Promise<unknown>;
  invite(channel: string, agent: string): Promise<unknown>;
  /** Done when it is written; a refusal comes through {@link ClientHears}.refused. */
  send(
    to: string,
    content: string,
    options: { readonly msgId: string; readonly inReplyTo?: string; readonly receipt?: boolean },
  ): Promise<unknown>;
  /** Done when the server has answered; then it has also dealt with everything said before. */
  ping(): Promise<unknown>;
  propose(to: string, terms: ProposalTerms): Promise<unknown>;
  accept(id: string, paymentCode?: string): Promise<unknown>;
  reject(id: string, reason?: string): Promise<unknown>;
  complete(id: string, proof?: string): Promise<unknown>;
  dispute(id: string, reason: string): Promise<unknown>;
  disconnect(): Promise<void>;
}

/** Where a client reports what it hears. */
export interface ClientHears {
  /** Something for the inbox, as the server said it. */
  readonly event: (event: Readonly<Record<string, unknown>>) => void;
  /** An error that answers no call: its `ref` is a message's id where the server says it. */
  readonly refused: (error: Error) => void;
  /** The connection is over. */
  readonly closed: (end: { readonly code: number; readonly reason?: string }) => void;
}

/** How a client reaches its server, and as whom. */
export interface DaemonClientOptions {
  readonly server: string;
  /** The agent's name. */
  readonly name: string;
  /** Path of an identity.json. */
  readonly identity?: string;
  /** False: what the daemon sends does not come back into its inbox. */
  readonly echo?: boolean;
  /** True: the server keeps what is said to the agent while the daemon is away. */
  readonly mailbox?: true;
}

/** Makes a client; nothing is connected yet. */
export type DaemonClientFactory = (options: DaemonClientOptions, hears: ClientHears) => DaemonClient;

/** The daemon's client over a real connection: {@link AgentChatClient}, which leaves reconnecting to the daemon. */
export function chatClient(options: DaemonClientOptions, { event, refused, closed }: ClientHears): DaemonClient {
  const client = new AgentChatClient({ ...options, reconnect: false });
  for (const kind of [
    "message",
    "delivery",
    "joined",
    "left",
    "agent_joined",
    "agent_left",
    "proposal",
    "accept",
    "reject",
    "complete",
    "dispute",
  ] as const) {
    client.on(kind, (said: object) => {
      event({ ...said });
    });
  }
  client.on("error", refused);
  client.on("close", closed);
  return client;
}

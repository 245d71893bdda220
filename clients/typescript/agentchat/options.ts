import type { Answer } from "./command-frames.js";
import type { ConnectionEnd } from "./connection.js";
import type { AgentChatError } from "./error.js";
import type { ServerEventOf } from "./events.js";
import type { QuestionData } from "../shared/questions.js";
import type { RoomBeginning } from "../shared/joined-rooms.js";
import type { NegotiationEvent } from "../../../bridges/agentchat/events.js";

/** How an AgentChat client reaches its server. */
export interface AgentChatClientOptions {
  /** `ws://localhost:6667` or `ws://127.0.0.1:8080/agentchat`; `HOST[:PORT][/PATH]` is taken as `ws://`. */
  readonly server: string;
  /**
   * 1–32 of `A-Z a-z 0-9 _ -`, for people; it need not be unique. Default: the identity's name, else `agent-` and the
   * number of the process.
   */
  readonly name?: string;
  /** Path of an identity.json: the agent keeps its id, and what it says is signed. */
  readonly identity?: string;
  /** False: what the client says does not come back to it. */
  readonly echo?: boolean;
  /**
   * Opens the agent's mailbox each time it has proved its key (AgentChat §14.1): true, or the fields of `mailbox.open`,
   * such as `keep_s`, or `rooms: true`: the agent stays in its channels while it is away (AgentChat §14.6). Needs an identity. What becomes of it is told by the event `mailbox`, or `error`.
   */
  readonly mailbox?: true | QuestionData;
  /** Connects again by itself when the connection is lost; default true. */
  readonly reconnect?: boolean;
  /** How long a call waits for its answer, milliseconds; default 10,000. */
  readonly answerTimeoutMs?: number;
}

/** A durable channel that was joined behind a place, and who is there (`@agent-id`s). */
export interface ChannelBeginning extends RoomBeginning {
  readonly agents: readonly string[];
}

/** Who is in a channel. */
export interface Roster {
  /** `@agent-id`s. */
  readonly agents: readonly string[];
  /**
   * Names by `@agent-id`, of those whose name is not their id; empty if the server tells no names. A name is for people
   * and never an address.
   */
  readonly names: Readonly<Record<string, string>>;
}

/** What a client tells. An `error` without a listener never ends the process: each code is told once, as a warning. */
export interface AgentChatClientEvents {
  message: [ServerEventOf<"MSG">];
  /** What a mailbox did with what was said with `receipt: true`. */
  delivery: [ServerEventOf<"DELIVERY">];
  /** The mailbox is open; told after each proof of the key, with what `mailbox.open` answers. */
  mailbox: [Answer];
  joined: [ServerEventOf<"JOINED">];
  left: [ServerEventOf<"LEFT">];
  agent_joined: [ServerEventOf<"AGENT_JOINED">];
  agent_left: [ServerEventOf<"AGENT_LEFT">];
  proposal: [NegotiationEvent];
  accept: [NegotiationEvent];
  reject: [NegotiationEvent];
  complete: [NegotiationEvent];
  dispute: [NegotiationEvent];
  /**
   * Something of a type that AgentChat's document does not know, from a server of other makers. Believe nothing in it
   * that you have not checked.
   */
  other: [Readonly<Record<string, unknown>> & { readonly type: string }];
  welcome: [ServerEventOf<"WELCOME">];
  verified: [ServerEventOf<"VERIFY_SUCCESS">];
  /**
   * A refusal that answers no call (`ref`: the `msg_id`), a channel that could not be joined again (`channel`), or
   * something unreadable.
   */
  error: [AgentChatError];
  /** A channel that was joined with `after` is joined again, and something that was said there meanwhile is lost. */
  gap: [{ readonly channel: string }];
  /** Connected, and back in its channels. */
  open: [];
  close: [ConnectionEnd];
  reconnecting: [{ readonly inMs: number; readonly reason: string }];
}

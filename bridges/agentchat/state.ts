import type { DialectTypes, Session } from "#dialect";
import type { Challenge } from "./challenge.js";
import type { PublicKey } from "./keys.js";
import type { Event } from "./events.js";
import type { AgentchatLimits, AgentchatSettings } from "./options.js";
import type { Command } from "./schema.js";

/** What AgentChat remembers of a session. */
export interface State {
  /** The key of its IDENTIFY, proved or not. */
  key: PublicKey | undefined;
  /** The name of its IDENTIFY, for people. */
  name: string;
  /** How often it has said IDENTIFY. */
  identified: number;
  /** Asked and not yet answered. */
  challenge: Challenge | undefined;
  /** What it says comes back to it, as in the original. */
  echo: boolean;
  /** The mailbox that it wants once it has proved its key, as it said it; nobody has looked at it yet. */
  mailbox: unknown;
}

/** The types of AgentChat. `challenged`: a proof is asked for, and there is no WELCOME before it. */
export interface AgentChat extends DialectTypes {
  command: Command;
  event: Event;
  state: State;
  phase: "greeting" | "challenged" | "ready";
  limits: AgentchatLimits;
  settings: AgentchatSettings;
}

/** A session as AgentChat's handlers get it. */
export type ChatSession = Session<AgentChat>;

import type { Session } from "#dialect";
import type { Challenge } from "./challenge.js";
import type { PublicKey } from "./keys.js";
import type { Event } from "./events.js";

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
}

/** A session as AgentChat's handlers get it. */
export type ChatSession = Session<Event, State>;

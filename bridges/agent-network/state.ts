import type { Credential, DialectTypes, Session } from "#dialect";
import { OpenExchanges } from "./open-exchanges.js";
import type { NetworkLimits, NetworkSettings } from "./options.js";
import type { Command, Event } from "./schema.js";

/** What Agent Network remembers of a session. */
export interface State {
  /** The token of the upgrade's header, if it can speak for more than one agent: the first frame says for which. */
  credential: Credential | undefined;
  /** Whose agent it is, as long as it counts against the limit of that user. */
  owner: string | undefined;
  /** A login that is decided after the end counts nowhere. */
  life: "open" | "ended";
  /** Heartbeats since then; wall clock, milliseconds. */
  heartbeats: number;
  heartbeatsSince: number;
  /** What it has asked agents of other dialects, and they it; made when there is something. */
  open: OpenExchanges | undefined;
}

/** The types of Agent Network. */
export interface AgentNetwork extends DialectTypes {
  command: Command;
  event: Event;
  state: State;
  phase: "greeting" | "ready";
  limits: NetworkLimits;
  settings: NetworkSettings;
}

/** A session as Agent Network's handlers get it. */
export type NetworkSession = Session<AgentNetwork>;

/** What the session has asked agents of other dialects, and they it. */
export function openOf({ state }: { readonly state: State }): OpenExchanges {
  return (state.open ??= new OpenExchanges());
}

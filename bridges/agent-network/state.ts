import type { Credential, DialectTypes, FaultCode, Session } from "#dialect";
import { OpenExchanges } from "./open-exchanges.js";
import type { NetworkLimits, NetworkSettings } from "./options.js";
import type { Command, Event } from "./schema.js";

/** How the frames of a connection are spelt (Agent Network §8, §9). */
export type Encoding = "json" | "msgpack" | "socket-io";

/** What Agent Network remembers of a session. */
export interface State {
  readonly encoding: Encoding;
  /** On Socket.IO the token of the upgrade's header, where the login comes later all the same. */
  readonly bearer: string | undefined;
  /** On Socket.IO: the client is told not to connect again by itself. */
  staysAway: boolean;
  /** Why something was refused last: on Socket.IO the words of CONNECT_ERROR follow from it. */
  refusedAs: FaultCode | undefined;
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

/** What is remembered of a session before its login. */
export function openState(encoding: Encoding, bearer: string | undefined): State {
  return {
    encoding,
    bearer: encoding === "socket-io" ? bearer : undefined,
    staysAway: false,
    refusedAs: undefined,
    credential: undefined,
    owner: undefined,
    life: "open",
    heartbeats: 0,
    heartbeatsSince: 0,
    open: undefined,
  };
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

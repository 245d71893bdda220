import { type Credential, type DialectTypes, type Hello, type Insight, type Principal, type Session } from "#dialect";
import type { Answers } from "./commands/answers.js";
import type { CommandState } from "./commands/command-session.js";
import type { Event } from "./events.js";
import { allows, capabilities, positionRates, type Capability, type Version } from "./negotiation.js";
import type { VisualisationLimits, VisualisationSettings } from "./options.js";
import type { Command } from "./schema.js";
import type { Outlet } from "./streams/outlet.js";
import type { Compression } from "./streams/stream-session.js";
import { agentStreams, controlStreams, graphStreams, streamOf, type StreamName } from "./streams/stream-name.js";

/** Where a connection came in; `all`: at `/` (Visualisation §1.1). */
export type Endpoint = "agents" | "graph" | "control" | "all";

/** The paths of the endpoints. */
export const endpointPaths: Readonly<Record<Exclude<Endpoint, "all">, readonly string[]>> = {
  agents: ["/api/visualisation/agents/ws", "/agents/ws"],
  graph: ["/api/graph/ws"],
  control: ["/api/control/ws"],
};

/** What can come unasked at each. */
const offered: Readonly<Record<Endpoint, readonly StreamName[]>> = {
  agents: agentStreams,
  graph: ["agent.registered", ...graphStreams],
  control: controlStreams,
  all: [...agentStreams, ...graphStreams, ...controlStreams],
};

/** What the dialect remembers of a session: what was asked for, and what follows from it. */
export interface State extends CommandState {
  readonly endpoint: Endpoint;
  /** Undefined: the client has not said what it can; else, of `X-Requested-Protocols`, whether binary is among it. */
  readonly wantsBinary: boolean | undefined;
  /** The token of the upgrade, until the handshake. */
  credential: Credential | undefined;
  /** Of the handshake. */
  asked: ReadonlySet<Capability>;
  version: Version;
  hasNegotiatedVersion: boolean;
  /** What `compression.negotiate` has chosen. */
  chosen: Compression | undefined;
  /** Undefined: all that there are. */
  selected: ReadonlySet<StreamName> | undefined;
  /** Heartbeats since then; wall clock, milliseconds. */
  heartbeats: number;
  heartbeatsSince: number;
  // What follows from it, and from the rights of the token: see `settle`.
  insight: Insight | undefined;
  binary: boolean;
  multiplexing: boolean;
  compression: Compression | undefined;
  streams: ReadonlySet<StreamName>;
  positionRate: number;
  outlet: Outlet | undefined;
  answers: Answers | undefined;
}

/** The types of visualisation. `greeting`: before the handshake. */
export interface Visualisation extends DialectTypes {
  command: Command;
  event: Event;
  state: State;
  phase: "greeting" | "ready";
  limits: VisualisationLimits;
  settings: VisualisationSettings;
}

/** A session as the dialect's handlers get it. */
export type ViewerSession = Session<Visualisation>;

const noStreams: ReadonlySet<StreamName> = new Set([]);

/** What is remembered of a session before its handshake. */
export function openState({ path, headers }: Pick<Hello, "path" | "headers">): State {
  return {
    endpoint: endpointOf(path),
    wantsBinary: requestsBinary(headers["x-requested-protocols"]),
    credential: undefined,
    asked: new Set(),
    version: "2.0",
    hasNegotiatedVersion: false,
    chosen: undefined,
    selected: undefined,
    heartbeats: 0,
    heartbeatsSince: 0,
    insight: undefined,
    binary: false,
    multiplexing: false,
    compression: undefined,
    streams: noStreams,
    positionRate: positionRates.usual,
    outlet: undefined,
    answers: undefined,
    configuring: undefined,
  };
}

function endpointOf(path: string): Endpoint {
  for (const endpoint of ["agents", "graph", "control"] as const)
    if (endpointPaths[endpoint].includes(path)) return endpoint;
  return "all";
}

function requestsBinary(header: string | readonly string[] | undefined): boolean | undefined {
  if (header === undefined) return undefined;
  const words = (typeof header === "string" ? [header] : header).flatMap((text) => text.split(","));
  return words.some((word) => word.trim().toLowerCase() === "binary");
}

/** Settles what follows from what was asked for, from the version, and from the rights of who looks. */
export function settle(state: State, { scopes }: Pick<Principal, "scopes">): void {
  const { endpoint, selected } = state;
  state.insight = endpoint === "control" ? undefined : insightOf(scopes);
  state.binary = isGranted(state, "binary");
  state.multiplexing = isGranted(state, "multiplexing");
  state.compression = allows(state.version, "compression") ? state.chosen : undefined;
  const shown = new Set<string>([...agentStreams, ...graphStreams]);
  state.streams = new Set(
    offered[endpoint].filter(
      (stream) =>
        (selected === undefined || selected.has(stream) || stream === "agent.registered") &&
        (state.insight !== undefined || !shown.has(stream)),
    ),
  );
}

/** What of others' talk these rights show (Visualisation §3.5). */
function insightOf(scopes: Principal["scopes"]): Insight | undefined {
  if (scopes.has("inspect")) return "inspect";
  return scopes.has("observe") ? "observe" : undefined;
}

/** True for a capability that the handshake has asked for, and that nothing forbids. */
function isGranted({ asked, version, wantsBinary }: State, capability: Capability): boolean {
  return asked.has(capability) && allows(version, capability) && (capability !== "binary" || wantsBinary !== false);
}

/** What is granted of the capabilities. */
export function grantedOf(state: State): readonly Capability[] {
  return capabilities.filter((capability) => isGranted(state, capability));
}

/** @throws Fault malformed: a name that is no stream's */
export function selectionOf(names: readonly string[]): ReadonlySet<StreamName> {
  // bound: the streams that there are · evicts: with the next selection · owner: selectionOf
  const selected = new Set<StreamName>();
  for (const name of names) selected.add(streamOf(name));
  return selected;
}

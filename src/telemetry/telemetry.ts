import type { Content, Fault, MessageType, Principal, Priority, Trust } from "../core/index.js";

/**
 * What an agent does (Visualisation §3.3). EXECUTING: it owes an answer. WAITING: it waits for one itself. ERROR: the
 * last request to it failed or timed out.
 */
export const agentStates = ["OFFLINE", "IDLE", "EXECUTING", "WAITING", "ERROR"] as const;
export type AgentState = (typeof agentStates)[number];

/** What somebody looks at. Nothing is counted while nobody looks. */
export type LookedAt = "agents" | "graph" | "positions";

/**
 * What others' talk somebody may see: `observe` sees that there were direct messages, but not what they say, and nothing
 * of sealed ones and of invite-only rooms; `inspect` sees all, but not what sealed ones say (Visualisation §3.5).
 */
export type Insight = "observe" | "inspect";

/** An agent as viewers see it: while it is online, and 10 minutes longer. */
export interface SeenAgent {
  /** Announced before it is used; from 1. */
  readonly id: number;
  readonly name: string;
  readonly displayName: string;
  readonly dialect: string;
  readonly trust: Trust;
  /** It is listed to its contacts only: `inspect` alone sees it. */
  readonly hidden: boolean;
  /** One of `broker start --demo`. */
  readonly demo: boolean;
  readonly state: AgentState;
  /** Wall clock since when it is online, or offline, milliseconds. */
  readonly since: number;
}

/** A change of state. */
export interface StateChange {
  readonly agent: SeenAgent;
  readonly previousState: AgentState;
  readonly newState: AgentState;
  readonly reason: string;
  /** Wall clock, milliseconds. */
  readonly at: number;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export type Trend<Better extends string, Worse extends string> = Better | "stable" | Worse;

/** Figures of one agent; null is what is not known. The dialect's README has the formulas. */
export interface Performance {
  readonly agent: SeenAgent;
  readonly metrics: {
    readonly tasksCompleted: number | null;
    /** 0–1. */
    readonly successRate: number | null;
    /** Milliseconds. */
    readonly averageResponseTime: number | null;
    /** 0–1. */
    readonly resourceUtilization: number | null;
    /** 0–1. */
    readonly communicationEfficiency: number | null;
    /** Milliseconds. */
    readonly uptime: number | null;
    readonly messageQueueSize: number | null;
    readonly connectionCount: number | null;
    /** Bytes. */
    readonly memoryUsage: number | null;
    /** Messages said and heard since `since`. */
    readonly messagesSent: number;
    readonly messagesReceived: number;
  };
  readonly trends: {
    readonly successRateTrend: Trend<"improving", "declining"> | null;
    readonly responseTrend: Trend<"improving", "degrading"> | null;
    readonly loadTrend: Trend<"decreasing", "increasing"> | null;
  };
  /** Wall clock since when is counted, milliseconds. */
  readonly since: number;
}

/** Something that an agent can do, as it has reported it. */
export interface Capability {
  readonly name: string;
  readonly category?: string;
  readonly level?: number;
  readonly description?: string;
  readonly [more: string]: unknown;
}

export interface CapabilityUpdate {
  readonly agent: SeenAgent;
  readonly action: "add" | "remove" | "update";
  readonly capability: Capability;
  readonly at: number;
}

/** A message that the broker has seen go by. */
export interface Said {
  readonly messageId: string;
  readonly from: string;
  /** The topic: an agent, a `#room`, `all`, a data topic. */
  readonly to: string;
  readonly type: MessageType;
  readonly priority: Priority;
  /** Undefined: sealed. */
  readonly content: Content | undefined;
  /** ISO 8601. */
  readonly expiresAt: string | undefined;
  /** Wall clock, milliseconds. */
  readonly at: number;
  /**
   * Who sees it: `public`: everybody, with its content; `direct`: everybody sees that it was, `inspect` what it says;
   * `hidden`: `inspect` alone sees it (invite-only rooms; sealed: without content).
   */
  readonly privacy: "public" | "direct" | "hidden";
  /** One of so many that were said is told; 1: each is. */
  readonly sampled: number;
}

/** Who talks to whom, since `since`. */
export interface Flow {
  readonly from: string;
  readonly to: string;
  /**
   * `inspect` alone sees it. A pair of which only a part is hidden has two flows: what is open, and, told behind it,
   * everything.
   */
  readonly hidden: boolean;
  readonly messageCount: number;
  /** Milliseconds between a request and its response, of those that were looked at; null where none was answered. */
  readonly averageLatency: number | null;
  readonly maxLatency: number | null;
  readonly minLatency: number | null;
  /** 0–1; null where nothing was asked. */
  readonly successRate: number | null;
  /** Thousands of bytes a second, over the last 10 s. */
  readonly bandwidth: number;
  /** Wall clock, milliseconds. */
  readonly lastActivity: number;
  readonly since: number;
}

/** What happens in a coordination; `payload` is the document's, `pattern` and `coordinationId` in it. */
export interface CoordinationEvent {
  readonly type: "coordination.initiated" | "coordination.progress";
  readonly payload: Readonly<Record<string, unknown>>;
  readonly at: number;
  /** `inspect` alone sees it: its coordination has named an agent that is listed to its contacts only. */
  readonly hidden: boolean;
}

/** The system's figures, as the document's `system.metrics` payload. */
export interface SystemFigures {
  readonly activeAgents: number;
  readonly totalAgents: number;
  readonly systemLoad: { readonly cpu: number | null; readonly memory: number | null; readonly gpu: null };
  readonly messageMetrics: {
    readonly rate: number | null;
    readonly queueDepth: number;
    readonly averageLatency: number | null;
    readonly errorRate: number | null;
  };
  readonly networkHealth: number | null;
  readonly coordinationEfficiency: number | null;
  readonly alerts: readonly {
    readonly level: "info" | "warning" | "critical";
    readonly message: string;
    readonly component: string;
    /** ISO 8601. */
    readonly timestamp: string;
  }[];
}

/**
 * Where everybody is, computed once for all. The arrays are those of the layout: read them before the turn ends, up to
 * `count`.
 */
export interface PositionFrame {
  readonly count: number;
  /** Numbers of agents, and six values for each: x, y, z, vx, vy, vz. */
  readonly ids: Uint32Array;
  readonly values: Float32Array;
  /** Moved since the frame before: its index in `ids`; a viewer that has all needs only these. */
  readonly moved: readonly number[];
  agentAt(index: number): SeenAgent | undefined;
}

/** What is told as it happens. */
export interface TelemetryListener {
  readonly registered?: (agent: SeenAgent) => void;
  readonly stateChanged?: (change: StateChange) => void;
  readonly capability?: (update: CapabilityUpdate) => void;
  readonly said?: (said: Said) => void;
  readonly coordination?: (event: CoordinationEvent) => void;
}

/** What the broker knows of agents, flows and coordination. */
export interface Telemetry {
  /**
   * Begins to look; the returned function ends it. Counting goes on for 60 s after the last has ended.
   */
  look(at: LookedAt): () => void;
  /** Since when is counted, wall clock, milliseconds; undefined while nobody looks. */
  readonly since: number | undefined;
  listen(listener: TelemetryListener): () => void;
  agents(): Iterable<SeenAgent>;
  agent(name: string): SeenAgent | undefined;
  /** Undefined: nobody is called so. */
  performance(name: string): Performance | undefined;
  /** Agents whose figures have changed since the number that the last call returned (0 at first), oldest change first, `max` at most. */
  changedPerformance(since: number, max: number): { readonly agents: readonly SeenAgent[]; readonly next: number };
  changedFlows(since: number, max: number): { readonly flows: readonly Flow[]; readonly next: number };
  system(): SystemFigures;
  /** Advances the layout by a step and says where all are; undefined while nothing moves. */
  positions(): PositionFrame | undefined;
  /** Where all are, whether they move or not. */
  allPositions(): PositionFrame;
  /** What agents say that they can do. */
  capabilitiesOf(name: string): readonly Capability[];
  /** Agents with a capability of that name or category, in any case; by name. */
  withCapability(word: string): readonly SeenAgent[];
  /** Coordinations that are under way, and the last 100 that are over. */
  coordinations(): readonly CoordinationEvent[];
}

/** What `coordination.start` is told (protocols §7). */
export interface ConsensusPlan {
  readonly initiator: string;
  /** How well its name is proved. */
  readonly trust: Trust;
  /** Whose share it counts against: a connection where the name is only claimed. */
  readonly chargedTo: string;
  /** The operator issued the name: a part of the places is kept for those. */
  readonly isIssued: boolean;
  readonly participants: readonly { readonly id: string; readonly role: "voter" | "observer" }[];
  /** 0–1: so many of the voters must approve. */
  readonly consensusThreshold: number;
  readonly timeoutMs: number;
  readonly proposal: Readonly<Record<string, unknown>>;
}

/** A coordination that has begun. */
export interface StartedConsensus {
  readonly coordinationId: string;
  /** Wall clock, milliseconds. */
  readonly endsAt: number;
  /** Voters that are not here, and have no mailbox: they count as not approving. */
  readonly absent: readonly string[];
}

/** Runs coordinations with agents of any dialect. */
export interface Coordinator {
  /** @throws Fault full, not-found (no voter is here), forbidden (somebody is no contact of the initiator), malformed */
  start(plan: ConsensusPlan): StartedConsensus;
}

/** A host to which answers may be POSTed (Visualisation §5.4), as the configuration lists it. */
export interface WebhookHost {
  /** As it stands in a URL: lower case, and the port where it is not 443. */
  readonly host: string;
  /** It may have an address of this machine or of a private network. */
  readonly isPrivate: boolean;
}

/** POSTs the answer to a command where the operator allows it (Visualisation §5.4). */
export interface Webhooks {
  /** Why nothing may be sent there; undefined if it may. */
  refusal(url: string): Fault | undefined;
  /** Sends it, tries again within bounds, and never rejects: what became of it is counted and in the audit log. */
  send(url: string, body: Readonly<Record<string, unknown>>, by: Pick<Principal, "agent" | "displayName">): void;
}

/** A line of the audit log about what somebody has told an agent, or the broker, to do: never with what, never the answer. */
export interface CommandEvent {
  readonly event: "command";
  /** The token's `sub`. */
  readonly by: string;
  /** An agent, or `$broker`. */
  readonly target: string;
  readonly command: string;
  /** The id of the message that commanded. */
  readonly id: string;
  /** `completed`, `failed` (the agent says so), else the fault that it ended with. */
  readonly outcome: string;
}

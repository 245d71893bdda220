import type { Fields } from "./fields.js";

/** An agent, as it is announced before anything else is said of it (Visualisation §3.2). */
export interface Registered {
  /** Its number in binary frames and in positions. */
  readonly id: number;
  /** Its name: what routes. */
  readonly agentId: string;
  readonly name: string;
  /** The dialect that it speaks. */
  readonly namespace: string;
  readonly trust: string;
  readonly state: AgentState;
  /** ISO 8601: since when it is online, or offline. */
  readonly since: string;
  readonly demo?: boolean;
}

export type AgentState = "OFFLINE" | "IDLE" | "EXECUTING" | "WAITING" | "ERROR";

/** Where agents are (Visualisation §3.6). */
export interface Positions {
  readonly agents: readonly {
    readonly id: number;
    readonly agentId: string;
    readonly x: number;
    readonly y: number;
    readonly z: number;
    readonly vx: number;
    readonly vy: number;
    readonly vz: number;
  }[];
}

export interface StateChanged {
  readonly agentId: string;
  /** Null: it has not been told before. */
  readonly previousState: AgentState | null;
  readonly newState: AgentState;
  /** Null where it came in binary, which does not tell it. */
  readonly reason: string | null;
  readonly metadata: Fields;
}

/** An agent's figures; null is what is not known, or, in binary, not told. */
export interface PerformanceUpdate {
  readonly agentId: string;
  readonly metrics: {
    readonly tasksCompleted: number | null;
    readonly successRate: number | null;
    readonly averageResponseTime: number | null;
    readonly resourceUtilization: number | null;
    readonly communicationEfficiency: number | null;
    readonly uptime: number | null;
    readonly messageQueueSize: number | null;
    readonly connectionCount: number | null;
    readonly memoryUsage: number | null;
  };
  /** Null where it came in binary. */
  readonly trends: Readonly<Record<"successRateTrend" | "responseTrend" | "loadTrend", string | null>> | null;
}

/** What a command came to (Visualisation §5.1). */
export interface CommandResult {
  readonly targetAgent: string;
  /** `failed`: the agent has answered that it could not do it. */
  readonly status: "completed" | "failed";
  readonly result: { readonly message: string | null; readonly data: unknown };
  readonly requestId: string;
  readonly durationMs: number;
}

/** What streams tell, by their type; the others are the document's payloads. */
export interface Payloads {
  readonly "agent.registered": Registered;
  readonly "agent.positions": Positions;
  readonly "agent.state.changed": StateChanged;
  readonly "agent.performance.update": PerformanceUpdate;
  readonly "agent.capability.update": {
    readonly agentId: string;
    readonly action: "add" | "remove" | "update";
    readonly capability: Fields & { readonly name: string };
  };
  readonly "system.metrics": Fields & { readonly activeAgents: number; readonly totalAgents: number };
  readonly "message.sent": Fields & {
    readonly messageId: string;
    readonly from: Party;
    readonly to: readonly Party[];
    readonly messageType: string;
    readonly priority: string;
    readonly content: unknown;
    readonly expiry: string | null;
  };
  readonly "message.flow.stats": Fields & { readonly flowId: string; readonly statistics: Fields };
  readonly "coordination.initiated": Fields & { readonly coordinationId: string; readonly pattern: string };
  readonly "coordination.progress": Fields & { readonly coordinationId: string; readonly pattern: string };
  readonly "control.result": CommandResult;
  readonly "control.multi-agent.configured": Fields;
}

interface Party {
  readonly id: string;
  readonly namespace: string | null;
}

/** What can come unasked (Visualisation §3.1). */
export type StreamName = keyof Payloads;

/** Something that the broker has told. */
export interface ViewerEvent<Type extends string = string> {
  readonly type: Type;
  readonly payload: Type extends StreamName ? Payloads[Type] : Fields;
  /** Absent in binary. */
  readonly id?: string;
  /** ISO 8601; of what came in binary, when it came. */
  readonly timestamp: string;
  readonly metadata?: Fields;
  /** In which channel it came. */
  readonly channel?: string;
}

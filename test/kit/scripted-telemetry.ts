import type {
  Capability,
  CoordinationEvent,
  Flow,
  LookedAt,
  Performance,
  PositionFrame,
  Said,
  SeenAgent,
  StateChange,
  SystemFigures,
  Telemetry,
  TelemetryListener,
} from "#dialect";

const noFigures: SystemFigures = {
  activeAgents: 0,
  totalAgents: 0,
  systemLoad: { cpu: null, memory: null, gpu: null },
  messageMetrics: { rate: null, queueDepth: 0, averageLatency: null, errorRate: null },
  networkHealth: null,
  coordinationEfficiency: null,
  alerts: [],
};

/** What is known, as a test says it. */
export class ScriptedTelemetry implements Telemetry {
  readonly looks: Record<LookedAt, number> = { agents: 0, graph: 0, positions: 0 };
  readonly since = 0;
  readonly #agents = new Map<string, SeenAgent>();
  readonly #listeners = new Set<TelemetryListener>();
  #moved: number[] = [];
  #figures: SeenAgent[] = [];
  #flows: Flow[] = [];
  #heights = new Map<number, number>();
  steps = 0;

  look(at: LookedAt): () => void {
    this.looks[at] += 1;
    return () => {
      this.looks[at] -= 1;
    };
  }

  listen(listener: TelemetryListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Somebody comes. */
  appears(name: string, more: Partial<SeenAgent> = {}): SeenAgent {
    const id = this.#agents.size + 1;
    const agent = { ...seen(name, id), ...more };
    this.#agents.set(name, agent);
    this.#moved.push(id - 1);
    for (const { registered } of this.#listeners) registered?.(agent);
    return agent;
  }

  changes(name: string, newState: SeenAgent["state"], metadata: StateChange["metadata"] = {}): void {
    const before = this.of(name);
    const agent = { ...before, state: newState };
    this.#agents.set(name, agent);
    const change = { agent, previousState: before.state, newState, reason: "test", at: 0, metadata };
    for (const { stateChanged } of this.#listeners) stateChanged?.(change);
  }

  says(said: Partial<Said>): void {
    const whole = { ...message, ...said };
    for (const listener of this.#listeners) listener.said?.(whole);
  }

  /** All listeners hear something else. */
  tells(tell: (listener: TelemetryListener) => void): void {
    for (const listener of this.#listeners) tell(listener);
  }

  moves(name: string, x: number): void {
    const { id } = this.of(name);
    this.#heights.set(id, x);
    this.#moved.push(id - 1);
  }

  works(name: string): void {
    this.#figures.push(this.of(name));
  }

  flows(flow: Partial<Flow>): void {
    this.#flows.push({ ...quiet, ...flow });
  }

  of(name: string): SeenAgent {
    const agent = this.#agents.get(name);
    if (agent === undefined) throw new Error(`nobody is called ${name}`);
    return agent;
  }

  agents(): Iterable<SeenAgent> {
    return this.#agents.values();
  }

  agent(name: string): SeenAgent | undefined {
    return this.#agents.get(name);
  }

  performance(name: string): Performance {
    return { agent: this.of(name), ...figures, since: 0 };
  }

  changedPerformance(since: number, max: number): { agents: readonly SeenAgent[]; next: number } {
    const agents = this.#figures.slice(since, since + max);
    return { agents, next: since + agents.length };
  }

  changedFlows(since: number, max: number): { flows: readonly Flow[]; next: number } {
    const flows = this.#flows.slice(since, since + max);
    return { flows, next: since + flows.length };
  }

  positions(): PositionFrame | undefined {
    const moved = [...new Set(this.#moved)];
    this.#moved = [];
    this.steps += 1;
    return moved.length === 0 ? undefined : { ...this.allPositions(), moved };
  }

  allPositions(): PositionFrame {
    const agents = [...this.#agents.values()];
    return {
      count: agents.length,
      ids: Uint32Array.from(agents, ({ id }) => id),
      values: Float32Array.from(agents.flatMap(({ id }) => [this.#heights.get(id) ?? 0.1, 2, 3, 4, 5, 6])),
      moved: [],
      agentAt: (index) => agents[index],
    };
  }

  readonly system = (): SystemFigures => noFigures;
  readonly capabilitiesOf = (): readonly Capability[] => [];
  readonly withCapability = (): readonly SeenAgent[] => [];
  readonly coordinations = (): readonly CoordinationEvent[] => [];
}

function seen(name: string, id: number): SeenAgent {
  const known = { id, name, displayName: name.toUpperCase(), dialect: "pan", trust: "proved" } as const;
  return { ...known, hidden: false, demo: false, state: "IDLE", since: 0 };
}

const message: Said = {
  messageId: "m1",
  from: "ada",
  to: "bob",
  type: "request",
  priority: "HIGH",
  content: { message: "hello" },
  expiresAt: undefined,
  at: 0,
  privacy: "public",
  sampled: 1,
};

const quiet: Flow = {
  from: "ada",
  to: "bob",
  hidden: false,
  messageCount: 1,
  averageLatency: null,
  maxLatency: null,
  minLatency: null,
  successRate: null,
  bandwidth: 0,
  lastActivity: 0,
  since: 0,
};

const figures: Pick<Performance, "metrics" | "trends"> = {
  metrics: {
    tasksCompleted: 42,
    successRate: 0.5,
    averageResponseTime: 234,
    resourceUtilization: 0.25,
    communicationEfficiency: 0.75,
    uptime: 1_000,
    messageQueueSize: 3,
    connectionCount: 7,
    memoryUsage: 1_024,
    messagesSent: 1,
    messagesReceived: 2,
  },
  trends: { successRateTrend: "improving", responseTrend: "stable", loadTrend: null },
};

import type { Telemetry } from "./telemetry.js";

const nothing = { agents: [], flows: [], next: 0 };
const still = {
  count: 0,
  ids: new Uint32Array(0),
  values: new Float32Array(0),
  moved: [],
  agentAt: () => undefined,
} as const;

/** Nothing is known of anybody. */
export const telemetryNone: Telemetry = {
  look: () => () => undefined,
  since: undefined,
  listen: () => () => undefined,
  agents: () => [],
  agent: () => undefined,
  performance: () => undefined,
  changedPerformance: () => nothing,
  changedFlows: () => nothing,
  system: () => ({
    activeAgents: 0,
    totalAgents: 0,
    systemLoad: { cpu: null, memory: null, gpu: null },
    messageMetrics: { rate: null, queueDepth: 0, averageLatency: null, errorRate: null },
    networkHealth: null,
    coordinationEfficiency: null,
    alerts: [],
  }),
  positions: () => undefined,
  allPositions: () => still,
  capabilitiesOf: () => [],
  withCapability: () => [],
  coordinations: () => [],
};

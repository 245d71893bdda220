import type { CapabilityUpdate, Flow, Insight, Performance, Said, SeenAgent, StateChange, Telemetry } from "#dialect";

type Payload = Readonly<Record<string, unknown>>;

/** `agent.registered` (Visualisation §3.2). */
export function registeredPayload(agent: SeenAgent): Payload {
  const { id, name, displayName, dialect, trust, state, since, demo } = agent;
  const known = { id, agentId: name, name: displayName, namespace: dialect, trust, state, since: isoOf(since) };
  return demo ? { ...known, demo } : known;
}

/** `agent.state.changed` as it happens. */
export function statePayload({ agent, previousState, newState, reason, metadata }: StateChange): Payload {
  return { agentId: agent.name, previousState, newState, reason, metadata };
}

/** `agent.state.changed` to who has not heard of the agent's state yet. */
export function firstStatePayload({ name, state }: SeenAgent): Payload {
  return { agentId: name, previousState: null, newState: state, reason: "first told", metadata: {} };
}

/** `agent.performance.update` (Visualisation §3.4). */
export function performancePayload({ agent, metrics, trends, since }: Performance): Payload {
  return { agentId: agent.name, metrics, trends, since: isoOf(since) };
}

/** `agent.capability.update`. */
export function capabilityPayload({ agent, action, capability }: CapabilityUpdate): Payload {
  return { agentId: agent.name, action, capability };
}

/** `message.sent`, with as much of its content as an insight gives (Visualisation §3.5). */
export function messagePayload(said: Said, insight: Insight, telemetry: Pick<Telemetry, "agent">): Payload {
  const { messageId, from, to, type, priority, expiresAt } = said;
  const namespaced = (id: string): Payload => ({ id, namespace: telemetry.agent(id)?.dialect ?? null });
  return {
    messageId,
    from: namespaced(from),
    to: [namespaced(to)],
    messageType: type.toUpperCase(),
    priority: priority.toUpperCase(),
    content: contentOf(said, insight),
    expiry: expiresAt ?? null,
  };
}

function contentOf({ content, privacy }: Said, insight: Insight): unknown {
  if (insight === "observe" && privacy !== "public") return null;
  return content ?? { sealed: true };
}

/** `message.flow.stats` (Visualisation §3.4). */
export function flowPayload(flow: Flow): Payload {
  const { from, to, messageCount, averageLatency, maxLatency, minLatency, successRate, bandwidth } = flow;
  const counted = { messageCount, averageLatency, maxLatency, minLatency, successRate, bandwidth };
  return {
    flowId: `${from}-${to}`,
    from,
    to,
    statistics: { ...counted, lastActivity: isoOf(flow.lastActivity) },
    since: isoOf(flow.since),
  };
}

/** A wall clock's milliseconds as the document writes times. */
export function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

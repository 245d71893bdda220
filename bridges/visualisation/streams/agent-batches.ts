import type { CapabilityUpdate, Insight, Performance, SeenAgent, StateChange, Telemetry } from "#dialect";
import { BinaryProblem, stateNames, type MetricsRecord, type StateRecord } from "../binary/frame.js";
import { encodeMetrics, encodeStates } from "../binary/encode.js";
import { piecesOf, type Batch } from "./batch.js";
import type { EventWriter } from "./event-writer.js";
import {
  capabilityPayload,
  firstStatePayload,
  performancePayload,
  registeredPayload,
  statePayload,
} from "./payloads.js";

/** What somebody with this insight is shown of what is about agents. */
function shownTo<T extends { readonly agent: SeenAgent }>(insight: Insight, items: readonly T[]): readonly T[] {
  return insight === "inspect" ? items : items.filter(({ agent }) => !agent.hidden);
}

/** Announces agents. */
export function registeredBatch(agents: readonly SeenAgent[], writer: EventWriter): Batch {
  const items = agents.map((agent) => ({ agent }));
  return {
    stream: "agent.registered",
    *texts(insight) {
      for (const piece of piecesOf(shownTo(insight, items)))
        yield piece.map(({ agent }) => writer.event("agent.registered", registeredPayload(agent)));
    },
    missed(viewer) {
      viewer.falls();
      for (const agent of agents) viewer.missing.registered(agent);
    },
  };
}

/** States as they change. */
export function statesBatch(changes: readonly StateChange[], writer: EventWriter): Batch {
  return {
    stream: "agent.state.changed",
    *texts(insight) {
      for (const piece of piecesOf(shownTo(insight, changes)))
        yield piece.map((change) => writer.event("agent.state.changed", statePayload(change)));
    },
    *frames(insight) {
      for (const piece of piecesOf(shownTo(insight, changes)))
        yield stateFrames(piece, ({ agent, newState, metadata }) => ({
          record: { id: agent.id, state: stateNames.indexOf(newState), metadata },
          text: (change) => writer.event("agent.state.changed", statePayload(change)),
        }));
    },
    missed(viewer) {
      viewer.falls();
      for (const change of changes) viewer.missing.changed(change);
    },
  };
}

/** States of agents that a viewer has just heard of. */
export function firstStatesBatch(agents: readonly SeenAgent[], writer: EventWriter): Batch {
  const items = agents.map((agent) => ({ agent }));
  const text = ({ agent }: { readonly agent: SeenAgent }): string =>
    writer.event("agent.state.changed", firstStatePayload(agent));
  return {
    stream: "agent.state.changed",
    *texts(insight) {
      for (const piece of piecesOf(shownTo(insight, items))) yield piece.map(text);
    },
    *frames(insight) {
      for (const piece of piecesOf(shownTo(insight, items)))
        yield stateFrames(piece, ({ agent }) => ({
          record: { id: agent.id, state: stateNames.indexOf(agent.state), metadata: {} },
          text,
        }));
    },
    missed(viewer) {
      viewer.falls();
      for (const agent of agents) viewer.missing.registered(agent);
    },
  };
}

/** As frames; those whose metadata fit no frame are said in JSON. */
function stateFrames<T>(
  items: readonly T[],
  of: (item: T) => { readonly record: StateRecord; readonly text: (item: T) => string },
): readonly (Uint8Array | string)[] {
  const records = items.map((item) => of(item).record);
  try {
    return encodeStates(records);
  } catch (thrown) {
    if (!(thrown instanceof BinaryProblem)) throw thrown;
    const only = items[0];
    if (only === undefined) return [];
    if (items.length === 1) return [of(only).text(only)];
    return items.flatMap((item) => stateFrames([item], of));
  }
}

/** What agents say that they can do. */
export function capabilitiesBatch(updates: readonly CapabilityUpdate[], writer: EventWriter): Batch {
  return {
    stream: "agent.capability.update",
    *texts(insight) {
      for (const piece of piecesOf(shownTo(insight, updates)))
        yield piece.map((update) => writer.event("agent.capability.update", capabilityPayload(update)));
    },
    missed(viewer) {
      viewer.outlet.lose(shownTo(viewer.insight, updates).length);
    },
  };
}

/**
 * Figures of agents, which are worked out when they are told. Who misses them is told of those agents later: its
 * `performanceSince` is set back.
 */
export function performanceBatch(
  agents: readonly SeenAgent[],
  since: number,
  telemetry: Pick<Telemetry, "performance">,
  writer: EventWriter,
): Batch {
  const items = agents.map((agent) => ({ agent }));
  // bound: the batch · evicts: with the batch · owner: performanceBatch
  const known = new Map<number, Performance | undefined>();
  const figuresOf = ({ agent: { id, name } }: { readonly agent: SeenAgent }): readonly Performance[] => {
    if (!known.has(id)) known.set(id, telemetry.performance(name));
    const figures = known.get(id);
    // Meanwhile another may be called so, whose number is not announced.
    return figures?.agent.id === id ? [figures] : [];
  };
  return {
    stream: "agent.performance.update",
    *texts(insight) {
      for (const piece of piecesOf(shownTo(insight, items)))
        yield piece.flatMap(figuresOf).map((one) => writer.event("agent.performance.update", performancePayload(one)));
    },
    *frames(insight) {
      for (const piece of piecesOf(shownTo(insight, items)))
        yield piece.flatMap(figuresOf).map((one) => encodeMetrics(metricsOf(one)));
    },
    missed(viewer) {
      viewer.performanceSince = Math.min(viewer.performanceSince, since);
    },
  };
}

function metricsOf({ agent, metrics }: Performance): MetricsRecord {
  const { tasksCompleted, successRate, averageResponseTime, resourceUtilization, memoryUsage } = metrics;
  return {
    id: agent.id,
    tasks: tasksCompleted,
    success: successRate,
    averageMs: averageResponseTime,
    cpu: resourceUtilization === null ? null : 100 * resourceUtilization,
    memory: memoryUsage,
  };
}

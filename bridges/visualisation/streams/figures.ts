import type { Telemetry } from "#dialect";
import { performanceBatch } from "./agent-batches.js";
import type { EventWriter } from "./event-writer.js";
import { flowsBatch } from "./graph-batches.js";
import type { Told } from "./moves.js";
import type { Viewer } from "./viewer.js";

/** Agents, or pairs, that are told in a second at most (Visualisation §3.4). */
const figuresMax = 1_000;
/**
 * Viewers are told together if they know the same; new ones know less. So many groups are told in one second, the others
 * in the next.
 */
const groupsMax = 8;

type Figures = Pick<Telemetry, "changedPerformance" | "changedFlows" | "performance">;

/** What has changed of agents' figures since each viewer was told. */
export function performanceTold(viewers: readonly Viewer[], telemetry: Figures, writer: EventWriter): readonly Told[] {
  return groupsOf(viewers, (viewer) => viewer.performanceSince).flatMap(([since, group]) => {
    const { agents, next } = telemetry.changedPerformance(since, figuresMax);
    for (const viewer of group) viewer.performanceSince = next;
    const figures = agents.flatMap((agent) => telemetry.performance(agent.name) ?? []);
    return figures.length === 0 ? [] : [{ batch: performanceBatch(figures, since, writer), viewers: group }];
  });
}

/** What has changed of who talks to whom since each viewer was told. */
export function flowsTold(viewers: readonly Viewer[], telemetry: Figures, writer: EventWriter): readonly Told[] {
  return groupsOf(viewers, (viewer) => viewer.flowsSince).flatMap(([since, group]) => {
    const { flows, next } = telemetry.changedFlows(since, figuresMax);
    for (const viewer of group) viewer.flowsSince = next;
    return flows.length === 0 ? [] : [{ batch: flowsBatch(flows, since, writer), viewers: group }];
  });
}

/** Viewers by what they know: the largest group, and those who know least. */
function groupsOf(
  viewers: readonly Viewer[],
  since: (viewer: Viewer) => number,
): readonly (readonly [number, readonly Viewer[]])[] {
  const groups = new Map<number, Viewer[]>();
  for (const viewer of viewers) {
    const group = groups.get(since(viewer));
    if (group === undefined) groups.set(since(viewer), [viewer]);
    else group.push(viewer);
  }
  const [largest, ...others] = [...groups].sort(([, one], [, other]) => other.length - one.length);
  if (largest === undefined) return [];
  return [largest, ...others.sort(([one], [other]) => one - other).slice(0, groupsMax - 1)];
}

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
type Known = "performanceSince" | "flowsSince";

/** Viewers who know the same. */
interface Group {
  readonly known: Known;
  readonly since: number;
  readonly viewers: readonly Viewer[];
}

/** Figures of agents and of pairs: once a second what has changed since each viewer was told, one group a tick. */
export class FiguresInTurn {
  readonly #telemetry: Figures;
  readonly #writer: EventWriter;
  // bound: twice groupsMax · evicts: one a tick · owner: FiguresInTurn
  #groups: Group[] = [];

  constructor(telemetry: Figures, writer: EventWriter) {
    this.#telemetry = telemetry;
    this.#writer = writer;
  }

  /** A new second. */
  begin(ofAgents: readonly Viewer[], ofPairs: readonly Viewer[]): void {
    this.#groups = [...groupsOf(ofAgents, "performanceSince"), ...groupsOf(ofPairs, "flowsSince")];
  }

  /** What the next group is told. */
  next(): readonly Told[] {
    const group = this.#groups.shift();
    if (group === undefined) return [];
    const { known, since } = group;
    const viewers = group.viewers.filter((viewer) => viewer.phase === "live" && viewer[known] === since);
    if (viewers.length === 0) return [];
    return known === "flowsSince" ? this.#flows(since, viewers) : this.#performance(since, viewers);
  }

  #performance(since: number, viewers: readonly Viewer[]): readonly Told[] {
    const { agents, next } = this.#telemetry.changedPerformance(since, figuresMax);
    for (const viewer of viewers) viewer.performanceSince = next;
    if (agents.length === 0) return [];
    return [{ batch: performanceBatch(agents, since, this.#telemetry, this.#writer), viewers }];
  }

  #flows(since: number, viewers: readonly Viewer[]): readonly Told[] {
    const { flows, next } = this.#telemetry.changedFlows(since, figuresMax);
    for (const viewer of viewers) viewer.flowsSince = next;
    return flows.length === 0 ? [] : [{ batch: flowsBatch(flows, since, this.#writer), viewers }];
  }
}

/** Viewers by what they know: the largest group, and those who know least. */
function groupsOf(viewers: readonly Viewer[], known: Known): readonly Group[] {
  // bound: viewers · evicts: with the call · owner: groupsOf
  const groups = new Map<number, Viewer[]>();
  for (const viewer of viewers) {
    const group = groups.get(viewer[known]);
    if (group === undefined) groups.set(viewer[known], [viewer]);
    else group.push(viewer);
  }
  const [largest, ...others] = [...groups]
    .map(([since, alike]) => ({ known, since, viewers: alike }))
    .sort((one, other) => other.viewers.length - one.viewers.length);
  if (largest === undefined) return [];
  return [largest, ...others.sort((one, other) => one.since - other.since).slice(0, groupsMax - 1)];
}

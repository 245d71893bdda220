import type { Insight, PositionFrame, SeenAgent } from "#dialect";
import { encodePositions } from "../binary/encode.js";
import type { Batch } from "./batch.js";
import type { EventWriter } from "./event-writer.js";

/** Agents in one JSON message: more come in further ones. */
const agentsMax = 400;

/** Where agents were at one moment: a copy of a frame of the layout. */
export interface Spots {
  readonly agents: readonly SeenAgent[];
  readonly ids: Uint32Array;
  /** Six for each: x, y, z, vx, vy, vz. */
  readonly values: Float32Array;
}

/** Copies a frame before the turn ends. @param indices of those that are meant; undefined: all */
export function spotsOf(frame: PositionFrame, indices: Iterable<number> | undefined): Spots {
  const agents: SeenAgent[] = [];
  const chosen: number[] = [];
  for (const index of indices ?? Array(frame.count).keys()) {
    const agent = frame.agentAt(index);
    if (agent === undefined) continue;
    agents.push(agent);
    chosen.push(index);
  }
  const ids = new Uint32Array(chosen.length);
  const values = new Float32Array(6 * chosen.length);
  for (const [at, index] of chosen.entries()) {
    ids[at] = frame.ids[index] ?? 0;
    for (let axis = 0; axis < 6; axis += 1) values[6 * at + axis] = frame.values[6 * index + axis] ?? 0;
  }
  return { agents, ids, values };
}

/** Positions, for those who are to have them now (Visualisation §3.6). */
export function positionsBatch(spots: Spots, writer: EventWriter): Batch {
  // bound: one for each insight · evicts: with the batch · owner: positionsBatch
  const shown = new Map<Insight, readonly number[] | undefined>();
  const shownTo = (insight: Insight): readonly number[] | undefined => {
    if (!shown.has(insight)) shown.set(insight, insight === "inspect" ? undefined : openIn(spots));
    return shown.get(insight);
  };
  return {
    stream: "agent.positions",
    *texts(insight) {
      const indices = shownTo(insight) ?? [...spots.agents.keys()];
      for (let from = 0; from < indices.length; from += agentsMax) {
        const agents = indices.slice(from, from + agentsMax).map((index) => spotText(spots, index));
        yield [writer.eventText("agent.positions", `{"agents":[${agents.join(",")}]}`)];
      }
    },
    *frames(insight) {
      yield encodePositions(spots.ids, spots.values, shownTo(insight));
    },
    missed(viewer) {
      viewer.step = undefined;
    },
  };
}

/** Those that everybody may see; undefined: all. */
function openIn({ agents }: Spots): readonly number[] | undefined {
  if (!agents.some(({ hidden }) => hidden)) return undefined;
  return [...agents.keys()].filter((index) => agents[index]?.hidden === false);
}

/** By hand: half the price of stringifying an object, 30 times a second for each agent. */
function spotText({ agents, ids, values }: Spots, index: number): string {
  const at = 6 * index;
  const name = JSON.stringify(agents[index]?.name);
  return (
    `{"id":${String(ids[index])},"agentId":${name},` +
    `"x":${String(values[at])},"y":${String(values[at + 1])},"z":${String(values[at + 2])},` +
    `"vx":${String(values[at + 3])},"vy":${String(values[at + 4])},"vz":${String(values[at + 5])}}`
  );
}

import type { PositionFrame, Telemetry } from "#dialect";
import { positionsBatch, spotsOf } from "./positions-batch.js";
import type { Batch } from "./batch.js";
import type { EventWriter } from "./event-writer.js";
import type { Viewer } from "./viewer.js";

/** Positions a second at most, and ticks of the streams. */
export const ticksPerSecond = 30;
/** Steps whose moves are remembered: a second. */
const stepsMax = ticksPerSecond;

/** What viewers are told: a batch, and whom. */
export interface Told {
  readonly batch: Batch;
  readonly viewers: readonly Viewer[];
}

/**
 * Who is told which positions when: each viewer at its own rate what has moved since it was last told, and a new one all.
 * Viewers with the same rate are told together; of all others of a tick the one that was told longest ago decides what
 * they are told, so that a tick makes three batches at most, whatever the rates are.
 */
export class Moves {
  readonly #telemetry: Pick<Telemetry, "positions" | "allPositions">;
  readonly #writer: EventWriter;
  /** Numbers of the agents that moved in each of the last steps, the newest last. */
  // bound: stepsMax × agents that are shown · evicts: the oldest step · owner: Moves
  readonly #moved: Uint32Array[] = [];
  /** Steps since the start. */
  #step = 0;

  constructor(telemetry: Pick<Telemetry, "positions" | "allPositions">, writer: EventWriter) {
    this.#telemetry = telemetry;
    this.#writer = writer;
  }

  /** What is told in this tick. @param viewers those who want positions, and keep up */
  at(tick: number, viewers: readonly Viewer[]): readonly Told[] {
    const due = viewers.filter(({ step, session }) => step === undefined || isDue(tick, session.state.positionRate));
    if (due.length === 0) return [];
    const before = this.#step;
    const frame = this.#advance();
    const fresh: Viewer[] = [];
    const next: Viewer[] = [];
    const later: Viewer[] = [];
    let since = before;
    for (const viewer of due) {
      const { step } = viewer;
      if (step === undefined || this.#step - step > this.#moved.length) fresh.push(viewer);
      else if (step < before) {
        later.push(viewer);
        since = Math.min(since, step);
      } else if (frame !== undefined) next.push(viewer);
      viewer.step = this.#step;
    }
    const told: Told[] = [];
    const tell = (to: readonly Viewer[], from: PositionFrame, indices: Iterable<number> | undefined): void => {
      told.push({ batch: positionsBatch(spotsOf(from, indices), this.#writer), viewers: to });
    };
    if (fresh.length > 0) tell(fresh, this.#telemetry.allPositions(), undefined);
    if (later.length > 0) {
      const all = this.#telemetry.allPositions();
      tell(later, all, this.#movedSince(since, all));
    }
    if (next.length > 0 && frame !== undefined) tell(next, frame, frame.moved);
    return told;
  }

  /** Advances the layout, and remembers who moved. */
  #advance(): PositionFrame | undefined {
    const frame = this.#telemetry.positions();
    if (frame === undefined) return undefined;
    this.#step += 1;
    this.#moved.push(Uint32Array.from(frame.moved, (index) => frame.ids[index] ?? 0));
    if (this.#moved.length > stepsMax) this.#moved.shift();
    return frame;
  }

  /** Where in `all` those are that have moved since a step. */
  *#movedSince(step: number, all: PositionFrame): Iterable<number> {
    const moved = new Set(this.#moved.slice(step - this.#step).flatMap((ids) => [...ids]));
    for (let index = 0; index < all.count; index += 1) if (moved.has(all.ids[index] ?? 0)) yield index;
  }
}

/** True in so many of the ticks of a second. @param rate 1–30 */
function isDue(tick: number, rate: number): boolean {
  return Math.floor((tick * rate) / ticksPerSecond) !== Math.floor(((tick - 1) * rate) / ticksPerSecond);
}

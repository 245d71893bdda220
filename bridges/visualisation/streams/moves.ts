import type { PositionFrame, Telemetry } from "#dialect";
import { positionsBatch, spotsOf } from "./positions-batch.js";
import type { Batch } from "./batch.js";
import type { EventWriter } from "./event-writer.js";
import type { Viewer } from "./viewer.js";

/** Positions a second at most, and ticks of the streams. */
export const ticksPerSecond = 30;
/** Who was told so many steps ago, a second, is told all again. */
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
  /** In which step each agent moved last, by its number. */
  // bound: twice the agents that are shown · evicts: those that did not move in the last steps · owner: Moves
  readonly #movedIn = new Map<number, number>();
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
      if (step === undefined || this.#step - step > stepsMax) fresh.push(viewer);
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
    for (const index of frame.moved) this.#movedIn.set(frame.ids[index] ?? 0, this.#step);
    if (this.#movedIn.size > 2 * frame.count) this.#forget();
    return frame;
  }

  #forget(): void {
    for (const [id, step] of this.#movedIn) if (this.#step - step > stepsMax) this.#movedIn.delete(id);
  }

  /** Where in `all` those are that have moved since a step. */
  *#movedSince(step: number, all: PositionFrame): Iterable<number> {
    for (let index = 0; index < all.count; index += 1) {
      if ((this.#movedIn.get(all.ids[index] ?? 0) ?? 0) > step) yield index;
    }
  }
}

/** True in so many of the ticks of a second. @param rate 1–30 */
function isDue(tick: number, rate: number): boolean {
  return Math.floor((tick * rate) / ticksPerSecond) !== Math.floor(((tick - 1) * rate) / ticksPerSecond);
}

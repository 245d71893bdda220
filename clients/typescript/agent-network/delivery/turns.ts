import { ranks, type Lane, type Rank } from "./lane.js";

/** Whose turn it is to speak: the most urgent first, among equals one after the other (Agent Network §12.6). */
export class Turns {
  // bound: lanes of the outbox · evicts: a lane that has nothing to say now · owner: Turns
  readonly #urgent = new Set<Lane>();
  // bound: as #urgent · evicts: as #urgent · owner: Turns
  readonly #usual = new Set<Lane>();
  // bound: as #urgent · evicts: as #urgent · owner: Turns
  readonly #slack = new Set<Lane>();

  /** It may have something to say. Where it stands already, it keeps its turn. */
  add(lane: Lane): void {
    const { rank } = lane;
    if (this.#of(rank).has(lane)) return;
    this.remove(lane);
    this.#of(rank).add(lane);
  }

  remove(lane: Lane): void {
    for (const rank of ranks) this.#of(rank).delete(lane);
  }

  first(): Lane | undefined {
    for (const rank of ranks) for (const lane of this.#of(rank)) return lane;
    return undefined;
  }

  /** It has spoken: the others come before it now. */
  last(lane: Lane): void {
    this.remove(lane);
    this.add(lane);
  }

  #of(rank: Rank): Set<Lane> {
    return rank === 0 ? this.#urgent : rank === 1 ? this.#usual : this.#slack;
  }
}

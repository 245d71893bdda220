import type { Insight, Said } from "#dialect";

/** Messages that a viewer is told in a second at most (Visualisation §3.5). */
export const saidMax = 500;
/** Ticks over which they are counted: a second, or a little more. */
const windowTicks = 30;
/** While more is said than may be told, each tick tells its share. */
const share = Math.floor(saidMax / windowTicks);

/** A message that is told; it stands for so many. */
export interface Sampled {
  readonly said: Said;
  readonly sampled: number;
}

/**
 * Chooses which messages viewers of one insight are told: each one, as long as there are not too many in any second, else
 * one of so many, evenly. What the chosen stand for adds up to all that was said.
 */
export class Sampler {
  readonly #insight: Insight;
  /** Of this tick. */
  // bound: saidMax · evicts: every tick · owner: Sampler
  #said: Sampled[] = [];
  /** Told in each of the last ticks. */
  // bound: windowTicks · evicts: the oldest tick · owner: Sampler
  readonly #told: number[] = [];
  #isFlooded = false;

  constructor(insight: Insight) {
    this.#insight = insight;
  }

  /** Hears a message; what its viewers may not know of is left out. */
  hear(said: Said): void {
    if (said.privacy === "hidden" && this.#insight !== "inspect") return;
    this.#said.push({ said, sampled: said.sampled });
    // Twice as many as can be told: each second one goes, and the other stands for it.
    if (this.#said.length >= 2 * saidMax) this.#said = thinned(this.#said, saidMax);
  }

  /** True while something waits to be told. */
  get isWaiting(): boolean {
    return this.#said.length > 0;
  }

  /** What is told in this tick. Called once a tick. */
  take(): readonly Sampled[] {
    while (this.#told.length >= windowTicks) this.#told.shift();
    const left = saidMax - this.#told.reduce((sum, count) => sum + count, 0);
    const wanted = this.#said.length;
    const room = this.#isFlooded ? Math.min(share, left) : left;
    this.#isFlooded = this.#isFlooded ? wanted > share : wanted > left;
    const told = wanted <= room ? this.#said : thinned(this.#said, room);
    // What cannot be told yet is stood for by the next that is.
    this.#said = room === 0 ? thinned(this.#said, 1) : [];
    this.#told.push(told.length);
    return told;
  }
}

/** So many of them, evenly chosen: each stands for those between it and the one before. */
function thinned(said: readonly Sampled[], count: number): Sampled[] {
  const chosen: Sampled[] = [];
  let weight = 0;
  for (const [index, one] of said.entries()) {
    weight += one.sampled;
    if (Math.floor(((index + 1) * count) / said.length) <= chosen.length) continue;
    chosen.push({ said: one.said, sampled: weight });
    weight = 0;
  }
  return chosen;
}

import type { Springs } from "./springs.js";

/** Pairs that pull each other at most; a new one beyond them waits until some have been forgotten. */
export const linksMax = 10_000;
/** What was said counts half after this, milliseconds. */
const halfLifeMs = 60_000;
/** A pair that counts less is forgotten: after a single message in 7 minutes. */
const leastCount = 1 / 128;
/** So much talk pulls as much as anything does. */
const strongestCount = 256;
/** Who speaks at all pulls so much. */
const weakest = 0.2;
/** A pull that changes by less moves nothing. */
const level = 0.2;
/** How warm both ends of a new link become, and of one that has become stronger or weaker. */
const warmNew = 0.6;
const warmChanged = 0.1;
/** Slots are below this. */
const slots = 2 ** 24;

interface Link {
  readonly one: number;
  readonly other: number;
  count: number;
  /** The weight with which it was told last; 0: not yet. */
  weight: number;
}

/** Who talks to whom of late, as springs between slots of the layout. */
export class Links {
  // bound: 10,000 (linksMax) · evicts: pairs that have been silent for minutes; with either end · owner: Links
  readonly #links = new Map<number, Link>();
  #decayedAt = 0;
  /** Something is linked that was not, or is no more. */
  #isNew = false;

  get size(): number {
    return this.#links.size;
  }

  /** True if the springs are others than those that were told last. */
  get isNew(): boolean {
    return this.#isNew;
  }

  /** One of the two has said something to the other, `times` times. */
  said(one: number, other: number, times: number): void {
    if (one === other) return;
    const key = one < other ? one * slots + other : other * slots + one;
    const known = this.#links.get(key);
    if (known !== undefined) {
      known.count += times;
      return;
    }
    if (this.#links.size >= linksMax) return;
    this.#links.set(key, { one, other, count: times, weight: 0 });
    this.#isNew = true;
  }

  /** These slots are gone, and their links with them. */
  purge(gone: ReadonlySet<number>): void {
    if (gone.size === 0) return;
    for (const [key, { one, other }] of this.#links) if (gone.has(one) || gone.has(other)) this.#links.delete(key);
    this.#isNew = true;
  }

  /** The springs at this time (monotonic milliseconds). `warm` is called with each slot whose springs have changed. */
  springs(now: number, warm: (slot: number, heat: number) => void): Springs {
    const decay = 2 ** ((this.#decayedAt - now) / halfLifeMs);
    this.#decayedAt = now;
    const size = this.#links.size;
    const springs = {
      count: 0,
      one: new Int32Array(size),
      other: new Int32Array(size),
      weight: new Float64Array(size),
    };
    for (const [key, link] of this.#links) {
      if (link.weight > 0) link.count *= decay;
      if (link.count < leastCount) {
        this.#links.delete(key);
        this.#warm(link, warmChanged, warm);
        continue;
      }
      const strength = Math.min(1, Math.log2(1 + link.count) / Math.log2(1 + strongestCount));
      const weight = weakest + (1 - weakest) * strength;
      if (Math.abs(weight - link.weight) >= level) {
        this.#warm(link, link.weight === 0 ? warmNew : warmChanged, warm);
        link.weight = weight;
      }
      const at = springs.count;
      springs.one[at] = link.one;
      springs.other[at] = link.other;
      springs.weight[at] = link.weight;
      springs.count += 1;
    }
    this.#isNew = false;
    return springs;
  }

  #warm({ one, other }: Link, heat: number, warm: (slot: number, heat: number) => void): void {
    warm(one, heat);
    warm(other, heat);
  }
}

import { forces, warming } from "./forces.js";
import type { Spots } from "./spots.js";

/** Who pulls whom, by slots, and how much (0–1). The arrays are read up to `count`. */
export interface Springs {
  readonly count: number;
  readonly one: Int32Array;
  readonly other: Int32Array;
  readonly weight: Float64Array;
}

const noSprings: Springs = {
  count: 0,
  one: new Int32Array(0),
  other: new Int32Array(0),
  weight: new Float64Array(0),
};

/** How springs pull points together, and push those apart that are too close. */
export class Pulls {
  /** What acts on each point, by its slot. */
  x = new Float64Array(0);
  y = new Float64Array(0);
  z = new Float64Array(0);
  /** How many springs each point has. */
  degrees = new Int32Array(0);
  #springs = noSprings;

  /** Springs between slots below `end`, instead of those before. */
  set(springs: Springs, end: number): void {
    const degrees = new Int32Array(end);
    for (let at = 0; at < springs.count; at += 1) {
      for (const slot of [springs.one[at] ?? 0, springs.other[at] ?? 0]) degrees[slot] = (degrees[slot] ?? 0) + 1;
    }
    this.#springs = springs;
    this.degrees = degrees;
  }

  /** Computes all pulls anew; there are `linksMax` springs at most. */
  pull(spots: Spots): void {
    this.#empty(spots);
    const { x, y, z, heat, kind } = spots;
    const { count, one, other, weight } = this.#springs;
    const { x: pullX, y: pullY, z: pullZ, degrees } = this;
    for (let at = 0; at < count; at += 1) {
      const a = one[at] ?? 0;
      const b = other[at] ?? 0;
      if (kind[a] === 0 || kind[b] === 0) continue;
      const dx = (x[b] ?? 0) - (x[a] ?? 0);
      const dy = (y[b] ?? 0) - (y[a] ?? 0);
      const dz = (z[b] ?? 0) - (z[a] ?? 0);
      const length = Math.sqrt(dx * dx + dy * dy + dz * dz);
      if (length === 0) continue;
      const raw = forces.pull * (weight[at] ?? 0) * (length - forces.rest);
      const [ofA, ofB] = [degrees[a] ?? 1, degrees[b] ?? 1];
      const part = Math.min(Math.max(raw / Math.min(ofA, ofB), -forces.pullMax), forces.pullMax) / length;
      // Who is pinned does not come: the other goes the whole way.
      const shareA = spots.isPinned(b) ? 1 : spots.isPinned(a) ? 0 : ofB / (ofA + ofB);
      const partA = part * shareA;
      const partB = part - partA;
      pullX[a] = (pullX[a] ?? 0) + partA * dx;
      pullY[a] = (pullY[a] ?? 0) + partA * dy;
      pullZ[a] = (pullZ[a] ?? 0) + partA * dz;
      pullX[b] = (pullX[b] ?? 0) - partB * dx;
      pullY[b] = (pullY[b] ?? 0) - partB * dy;
      pullZ[b] = (pullZ[b] ?? 0) - partB * dz;
      // What is hardly warm warms nobody: else everything would go on and on a little.
      const warmA = (heat[a] ?? 0) * warming.part;
      const warmB = (heat[b] ?? 0) * warming.part;
      if (warmA >= forces.rests && (heat[b] ?? 0) < warmA) heat[b] = warmA;
      else if (warmB >= forces.rests && (heat[a] ?? 0) < warmB) heat[a] = warmB;
    }
  }

  #empty({ end, x }: Spots): void {
    if (this.x.length < end) {
      this.x = new Float64Array(x.length);
      this.y = new Float64Array(x.length);
      this.z = new Float64Array(x.length);
      return;
    }
    this.x.fill(0, 0, end);
    this.y.fill(0, 0, end);
    this.z.fill(0, 0, end);
  }
}

import { Grid } from "./grid.js";
import { Spots, within, type SpotKind } from "./spots.js";

/** Who pulls whom, by slots, and how much (0–1). The arrays are read up to `count`. */
export interface Springs {
  readonly count: number;
  readonly one: Int32Array;
  readonly other: Int32Array;
  readonly weight: Float64Array;
}

/** Forces of the layout, in units of length a tick. */
export const forces = Object.freeze({
  /** Points further apart than this do not push each other. */
  reach: 60,
  /** Push of two points: push · (reach / distance − 1), at most `pushMax`. */
  push: 4,
  pushMax: 20,
  /** Length of a spring at rest. */
  rest: 40,
  /**
   * Pull of a spring: pull · weight · (length − rest) / fewer, at most `pullMax`; `fewer`: springs of that end which has
   * fewer. The end with more springs takes the smaller share of the way.
   */
  pull: 0.4,
  pullMax: 60,
  /** Pull to the middle: middle · √(distance / points), from a distance of reach · √points on no more. */
  middle: 1,
  /** Pull to the plane z = 0: so much of z. */
  plane: 0.3,
  /** So much of its speed a point has left a tick later. */
  drag: 0.6,
  /** The longest way in one tick. */
  stepMax: 40,
  /** So much of its heat a point has left a tick later; below `rests` it rests. */
  cooling: 0.975,
  rests: 0.02,
});

/** Points of a tick that are moved in one slice; fewer are moved at once. */
export const slicePoints = 2_000;
/** A crowd in one list of the grid is felt by so many of it. */
const feltMax = 24;
/** A point that pushes so much warms the other up to this part of its own heat. */
const warmingPush = 0.5;
const warming = 0.5;
/** A point that has no spring yet is put beside the first that pulls it while it is as warm as this. */
const isNew = 0.5;
const { reach, push: pushBy, pushMax } = forces;
const reach2 = reach * reach;
const goldenAngle = Math.PI * (3 - Math.sqrt(5));

const noSprings: Springs = {
  count: 0,
  one: new Int32Array(0),
  other: new Int32Array(0),
  weight: new Float64Array(0),
};

/**
 * A force layout: springs pull those together who talk to each other, all push each other away, and everything cools
 * down until it rests. Points that are pinned stay where they are put. Depth (z) is used lightly: points give way to
 * each other in it, and are drawn back to the plane. The same calls with the same seed give the same places; there is
 * no clock and no chance in it. Every force has a bound and all coordinates lie within `spotMax`, so nothing becomes
 * infinite.
 */
export class ForceLayout {
  readonly spots = new Spots();
  readonly #grid = new Grid(forces.reach);
  #springs = noSprings;
  /** How many springs each point has. */
  #degrees = new Int32Array(0);
  #pullX = new Float64Array(0);
  #pullY = new Float64Array(0);
  #pullZ = new Float64Array(0);
  /** The slice that comes next, and the end of this tick. */
  #at = 0;
  #end = 0;
  /** How much points are pulled to the middle, and from where on not more. */
  #middle = 0;
  #wide = 0;
  /** Points that were warm when the last tick began. */
  #warm = 0;
  #added = 0;
  /** The cell whose surroundings are in `#around`: the begin, end, column and row of each. */
  #column = NaN;
  #row = NaN;
  readonly #around = new Int32Array(36);
  /** What acts on the point that is being moved. */
  #forceX = 0;
  #forceY = 0;
  #forceZ = 0;
  #random: () => number;

  /** @param seed any integer */
  constructor(seed: number) {
    this.#random = randomOf(seed);
  }

  /** A new point, at the rim of those that are there. */
  add(kind: SpotKind = "free"): number {
    const turn = (this.#added += 1) * goldenAngle;
    const radius = forces.reach * 0.5 * Math.sqrt(this.spots.solid + 1) + this.#random();
    const depth = (this.#random() - 0.5) * forces.rest;
    return this.spots.add(kind, radius * Math.cos(turn), radius * Math.sin(turn), depth);
  }

  /** It is gone. Its slot is used again after the next {@link setSprings}. */
  remove(slot: number): void {
    this.spots.remove(slot);
  }

  /** Puts a point where it says that it is; those that it pulls may follow. */
  pin(slot: number, x: number, y: number, z: number): void {
    if (!this.spots.has(slot) || this.spots.isGhost(slot)) return;
    this.spots.pin(slot, true);
    this.spots.place(slot, x, y, z);
    this.spots.heat[slot] = 1;
  }

  /** Springs between points that are here, instead of those before. */
  setSprings(springs: Springs): void {
    const { spots } = this;
    // A slot that is used again is not where the tick has it.
    if (spots.reuse()) this.#at = this.#end;
    const degrees = new Int32Array(spots.end);
    for (let at = 0; at < springs.count; at += 1) {
      for (const slot of [springs.one[at] ?? 0, springs.other[at] ?? 0]) degrees[slot] = (degrees[slot] ?? 0) + 1;
    }
    const before = this.#degrees;
    for (let at = 0; at < springs.count; at += 1) {
      const [one, other] = [springs.one[at] ?? 0, springs.other[at] ?? 0];
      if (this.#isNew(one, before)) this.#putBeside(one, other);
      else if (this.#isNew(other, before)) this.#putBeside(other, one);
    }
    this.#springs = springs;
    this.#degrees = degrees;
  }

  /** It pulls and is pulled anew. */
  warm(slot: number, heat: number): void {
    this.spots.warm(slot, heat);
  }

  /** Nothing moves any more, until something is added, put somewhere or warmed. */
  get rests(): boolean {
    return this.#at >= this.#end && this.#warm === 0 && !this.#isWarm();
  }

  /** Moves everything by a tick; of more than `slicePoints` points so many. */
  step(): void {
    if (this.#at >= this.#end) this.#begin();
    const end = Math.min(this.#at + slicePoints, this.#end);
    for (let at = this.#at; at < end; at += 1) this.#move(at);
    this.#at = end;
  }

  #isWarm(): boolean {
    const { end, heat } = this.spots;
    for (let slot = 0; slot < end; slot += 1) if ((heat[slot] ?? 0) > 0) return true;
    return false;
  }

  #isNew(slot: number, degrees: Int32Array): boolean {
    const { spots } = this;
    if ((degrees[slot] ?? 0) > 0 || spots.isPinned(slot)) return false;
    return (spots.heat[slot] ?? 0) > isNew;
  }

  #putBeside(slot: number, partner: number): void {
    const { x, y, z } = this.spots;
    const turn = this.#random() * 2 * Math.PI;
    this.spots.place(
      slot,
      (x[partner] ?? 0) + forces.rest * Math.cos(turn),
      (y[partner] ?? 0) + forces.rest * Math.sin(turn),
      z[partner] ?? 0,
    );
  }

  /** Begins a tick: sorts the points, and has the springs pull. There are as many springs as are kept, at most. */
  #begin(): void {
    const { spots } = this;
    this.#at = 0;
    this.#middle = forces.middle / Math.sqrt(Math.max(spots.solid, 1));
    this.#wide = forces.reach * Math.sqrt(Math.max(spots.solid, 1));
    this.#grid.build(spots);
    this.#end = this.#grid.count;
    this.#column = NaN;
    if (this.#pullX.length < spots.end) {
      this.#pullX = new Float64Array(spots.x.length);
      this.#pullY = new Float64Array(spots.x.length);
      this.#pullZ = new Float64Array(spots.x.length);
    } else {
      this.#pullX.fill(0, 0, spots.end);
      this.#pullY.fill(0, 0, spots.end);
      this.#pullZ.fill(0, 0, spots.end);
    }
    this.#warm = 0;
    this.#pull();
  }

  #pull(): void {
    const { x, y, z, heat, kind } = this.spots;
    const { count, one, other, weight } = this.#springs;
    const [pullX, pullY, pullZ, degrees] = [this.#pullX, this.#pullY, this.#pullZ, this.#degrees];
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
      const shareA = this.spots.isPinned(b) ? 1 : this.spots.isPinned(a) ? 0 : ofB / (ofA + ofB);
      const partA = part * shareA;
      const partB = part - partA;
      pullX[a] = (pullX[a] ?? 0) + partA * dx;
      pullY[a] = (pullY[a] ?? 0) + partA * dy;
      pullZ[a] = (pullZ[a] ?? 0) + partA * dz;
      pullX[b] = (pullX[b] ?? 0) - partB * dx;
      pullY[b] = (pullY[b] ?? 0) - partB * dy;
      pullZ[b] = (pullZ[b] ?? 0) - partB * dz;
      // What is hardly warm warms nobody: else everything would go on and on a little.
      const warmA = (heat[a] ?? 0) * warming;
      const warmB = (heat[b] ?? 0) * warming;
      if (warmA >= forces.rests && (heat[b] ?? 0) < warmA) heat[b] = warmA;
      else if (warmB >= forces.rests && (heat[a] ?? 0) < warmB) heat[a] = warmB;
    }
  }

  /** Moves the point at this place of the grid. */
  #move(at: number): void {
    const { spots } = this;
    const slot = this.#grid.order[at] ?? 0;
    const heat = spots.heat[slot] ?? 0;
    if (heat === 0) return;
    this.#warm += 1;
    const cooled = heat * forces.cooling;
    spots.heat[slot] = cooled < forces.rests ? 0 : cooled;
    if (spots.isPinned(slot)) return;
    const x = spots.x[slot] ?? 0;
    const y = spots.y[slot] ?? 0;
    const z = spots.z[slot] ?? 0;
    const far = Math.sqrt(x * x + y * y);
    const inward = far === 0 ? 0 : (this.#middle * Math.sqrt(Math.min(far, this.#wide))) / far;
    this.#forceX = (this.#pullX[slot] ?? 0) - x * inward;
    this.#forceY = (this.#pullY[slot] ?? 0) - y * inward;
    this.#forceZ = (this.#pullZ[slot] ?? 0) - z * forces.plane;
    if (at < this.#grid.solid) this.#push(at, heat);
    const vx = ((spots.vx[slot] ?? 0) + this.#forceX * heat) * forces.drag;
    const vy = ((spots.vy[slot] ?? 0) + this.#forceY * heat) * forces.drag;
    const vz = ((spots.vz[slot] ?? 0) + this.#forceZ * heat) * forces.drag;
    const speed = Math.sqrt(vx * vx + vy * vy + vz * vz);
    const part = cooled < forces.rests ? 0 : Math.min(1, forces.stepMax / Math.max(speed, 1e-9));
    // Never −0, which is another number on the wire.
    spots.vx[slot] = vx * part + 0;
    spots.vy[slot] = vy * part + 0;
    spots.vz[slot] = vz * part + 0;
    spots.x[slot] = within(x + vx * part);
    spots.y[slot] = within(y + vy * part);
    spots.z[slot] = within(z + vz * part);
  }

  /** Finds the lists of a cell and of those around it, once for all points of the cell. */
  #look(column: number, row: number): void {
    if (this.#column === column && this.#row === row) return;
    this.#column = column;
    this.#row = row;
    const { starts } = this.#grid;
    let place = 0;
    for (let c = column - 1; c <= column + 1; c += 1) {
      for (let r = row - 1; r <= row + 1; r += 1) {
        const hash = this.#grid.hash(c, r);
        this.#around[place] = starts[hash] ?? 0;
        this.#around[place + 1] = starts[hash + 1] ?? 0;
        this.#around[place + 2] = c;
        this.#around[place + 3] = r;
        place += 4;
      }
    }
  }

  /**
   * All around push a point away, from where they were when the tick began. The inner loop runs some 30,000 times for
   * 1,000 points: with one root and one division, and points that lie in the order in which they are read, in 0.4 ms.
   */
  #push(at: number, heat: number): void {
    const { x, y, z, columns, rows, order } = this.#grid;
    const heats = this.spots.heat;
    const around = this.#around;
    this.#look(columns[at] ?? 0, rows[at] ?? 0);
    const px = x[at] ?? 0;
    const py = y[at] ?? 0;
    const pz = z[at] ?? 0;
    const warmed = heat * warming;
    const partThatWarms = warmed >= forces.rests ? warmingPush : Infinity;
    let fx = 0;
    let fy = 0;
    let fz = 0;
    for (let place = 0; place < around.length; place += 4) {
      const start = around[place] ?? 0;
      const end = around[place + 1] ?? 0;
      // Every so manieth of a crowd stands for all of it, beginning with another for each point.
      const stride = end - start <= feltMax ? 1 : Math.ceil((end - start) / feltMax);
      for (let near = start + (at % stride); near < end; near += stride) {
        const dx = px - (x[near] ?? 0);
        const dy = py - (y[near] ?? 0);
        const dz = pz - (z[near] ?? 0);
        const distance2 = dx * dx + dy * dy + dz * dz;
        if (distance2 >= reach2 || near === at) continue;
        if (columns[near] !== around[place + 2] || rows[near] !== around[place + 3]) continue;
        if (distance2 < 1e-6) {
          // On one spot: each goes its own way.
          fx += pushMax * stride * Math.cos(at * goldenAngle);
          fy += pushMax * stride * Math.sin(at * goldenAngle);
          continue;
        }
        const near1 = 1 / Math.sqrt(distance2);
        const push = Math.min(pushBy * (reach * near1 - 1), pushMax);
        const part = push * near1 * stride;
        fx += dx * part;
        fy += dy * part;
        fz += dz * part;
        if (push > partThatWarms) {
          const slot = order[near] ?? 0;
          if ((heats[slot] ?? 0) < warmed) heats[slot] = warmed;
        }
      }
    }
    this.#forceX += fx;
    this.#forceY += fy;
    this.#forceZ += fz;
  }
}

/** Numbers from 0 to 1 that follow from `seed` alone (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

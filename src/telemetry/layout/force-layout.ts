import { forces, goldenAngle } from "./forces.js";
import { Pushes } from "./pushes.js";
import { Spots, within, type SpotKind } from "./spots.js";
import { Pulls, type Springs } from "./springs.js";

/** Points of a tick that are moved in one slice; fewer are moved at once. */
export const slicePoints = 2_000;
/** A point that has no spring yet is put beside the first that pulls it while it is as warm as this. */
const isNew = 0.5;

/**
 * A force layout: springs pull those together who talk to each other, all push each other away, and everything cools
 * down until it rests. Points that are pinned stay where they are put. Depth (z) is used lightly: points give way to
 * each other in it, and are drawn back to the plane. The same calls with the same seed give the same places; there is
 * no clock and no chance in it. Every force has a bound and all coordinates lie within `spotMax`, so nothing becomes
 * infinite.
 */
export class ForceLayout {
  readonly spots = new Spots();
  readonly #pulls = new Pulls();
  readonly #pushes = new Pushes();
  /** The slice that comes next, and the end of this tick. */
  #at = 0;
  #end = 0;
  /** How much points are pulled to the middle, and from where on not more. */
  #middle = 0;
  #wide = 0;
  /** Points that were warm when the last tick began. */
  #warm = 0;
  #added = 0;
  readonly #random: () => number;

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
    const before = this.#pulls.degrees;
    for (let at = 0; at < springs.count; at += 1) {
      const [one, other] = [springs.one[at] ?? 0, springs.other[at] ?? 0];
      if (this.#isNew(one, before)) this.#putBeside(one, other);
      else if (this.#isNew(other, before)) this.#putBeside(other, one);
    }
    this.#pulls.set(springs, spots.end);
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
    this.#pushes.begin(spots);
    this.#pulls.pull(spots);
    this.#end = this.#pushes.grid.count;
    this.#warm = 0;
  }

  /** Moves the point at this place of the grid. */
  #move(at: number): void {
    const { spots } = this;
    const slot = this.#pushes.grid.order[at] ?? 0;
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
    const { x: pullX, y: pullY, z: pullZ } = this.#pulls;
    let forceX = (pullX[slot] ?? 0) - x * inward;
    let forceY = (pullY[slot] ?? 0) - y * inward;
    let forceZ = (pullZ[slot] ?? 0) - z * forces.plane;
    if (at < this.#pushes.grid.solid) {
      const pushes = this.#pushes;
      pushes.push(at, heat, spots.heat);
      forceX += pushes.x;
      forceY += pushes.y;
      forceZ += pushes.z;
    }
    const vx = ((spots.vx[slot] ?? 0) + forceX * heat) * forces.drag;
    const vy = ((spots.vy[slot] ?? 0) + forceY * heat) * forces.drag;
    const vz = ((spots.vz[slot] ?? 0) + forceZ * heat) * forces.drag;
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

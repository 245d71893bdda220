/** Coordinates lie within this, in both directions. */
export const spotMax = 1_000_000;

/** State of one point of the layout. `pinned`: it stays where it was put. `ghost`: it pushes nobody and nobody pushes it. */
export type SpotKind = "free" | "pinned" | "ghost";

const free = 1;
const pinned = 2;
const ghost = 3;
const codes: Readonly<Record<SpotKind, number>> = { free, pinned, ghost };

/**
 * Points of the layout in typed arrays, by slot. A slot is used again once {@link Spots.reuse} was called, so that who
 * still holds its number has time to forget it.
 */
export class Spots {
  x = new Float64Array(256);
  y = new Float64Array(256);
  z = new Float64Array(256);
  vx = new Float64Array(256);
  vy = new Float64Array(256);
  vz = new Float64Array(256);
  /** How much it may still move: 1 at first, 0 once it rests. */
  heat = new Float64Array(256);
  /** 0: nobody; else 1 free, 2 pinned, 3 ghost. */
  kind = new Uint8Array(256);
  /** Slots below it are or were used. */
  end = 0;
  /** Points that push each other. */
  solid = 0;
  #count = 0;
  // bound: slots that were used · evicts: taken again first · owner: Spots
  readonly #unused: number[] = [];
  // bound: slots that were used · evicts: reuse() · owner: Spots
  #left: number[] = [];

  get count(): number {
    return this.#count;
  }

  add(kind: SpotKind, x: number, y: number, z: number): number {
    const slot = this.#unused.pop() ?? this.end;
    if (slot === this.end) this.end += 1;
    if (slot >= this.x.length) this.#grow();
    this.kind[slot] = codes[kind];
    this.place(slot, x, y, z);
    this.heat[slot] = 1;
    this.#count += 1;
    if (kind !== "ghost") this.solid += 1;
    return slot;
  }

  remove(slot: number): void {
    if (!this.has(slot)) return;
    if (!this.isGhost(slot)) this.solid -= 1;
    this.kind[slot] = 0;
    this.heat[slot] = 0;
    this.#count -= 1;
    this.#left.push(slot);
  }

  /** Slots that were left may be used again. @returns true if there are some */
  reuse(): boolean {
    if (this.#left.length === 0) return false;
    for (const slot of this.#left) this.#unused.push(slot);
    this.#left = [];
    if (this.#count === 0) {
      this.#unused.length = 0;
      this.end = 0;
    }
    return true;
  }

  has(slot: number): boolean {
    return (this.kind[slot] ?? 0) !== 0;
  }

  isGhost(slot: number): boolean {
    return this.kind[slot] === ghost;
  }

  isPinned(slot: number): boolean {
    return this.kind[slot] === pinned;
  }

  /** From now on it stays where it is put, or is free again. Ghosts stay what they are. */
  pin(slot: number, isPinned: boolean): void {
    if (this.has(slot) && !this.isGhost(slot)) this.kind[slot] = isPinned ? pinned : free;
  }

  /** Puts it there, at rest, as far as coordinates go. What is no number is 0. */
  place(slot: number, x: number, y: number, z: number): void {
    this.x[slot] = within(x);
    this.y[slot] = within(y);
    this.z[slot] = within(z);
    this.vx[slot] = 0;
    this.vy[slot] = 0;
    this.vz[slot] = 0;
  }

  /** It may move again, if it moved less. */
  warm(slot: number, heat: number): void {
    if (this.has(slot) && (this.heat[slot] ?? 0) < heat) this.heat[slot] = Math.min(heat, 1);
  }

  #grow(): void {
    for (const name of ["x", "y", "z", "vx", "vy", "vz", "heat"] as const) {
      const larger = new Float64Array(this[name].length * 2);
      larger.set(this[name]);
      this[name] = larger;
    }
    const kinds = new Uint8Array(this.kind.length * 2);
    kinds.set(this.kind);
    this.kind = kinds;
  }
}

/** A coordinate that the layout can hold. */
export function within(value: number): number {
  if (Number.isNaN(value)) return 0;
  // Never −0, which is another number on the wire.
  return Math.min(Math.max(value, -spotMax), spotMax) + 0;
}

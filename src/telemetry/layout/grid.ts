import type { Spots } from "./spots.js";

/**
 * Points by the cell of the plane in which they lie: a hash of the cell's place, so that it does not matter how far
 * apart they are. Cells that share a hash share a list; `columns` and `rows` tell them apart.
 */
export class Grid {
  readonly #cell: number;
  /** The list of hash h is `[starts[h], starts[h + 1])` of the arrays below. */
  starts = new Int32Array(1);
  /** Slots, list by list, and behind them those of ghosts. */
  order = new Int32Array(0);
  /** Where they are, and in which cell. */
  x = new Float64Array(0);
  y = new Float64Array(0);
  z = new Float64Array(0);
  columns = new Int32Array(0);
  rows = new Int32Array(0);
  /** Points in the lists, and with ghosts. */
  solid = 0;
  count = 0;
  #hashes = new Int32Array(0);
  #mask = 0;

  /** @param cell the edge of a cell */
  constructor(cell: number) {
    this.#cell = cell;
  }

  /** Sorts all points anew: a counting sort. */
  build(spots: Spots): void {
    const { end, kind, x, y } = spots;
    this.#resize(spots);
    const hashes = this.#hashes;
    const { starts } = this;
    starts.fill(0);
    let ghosts = spots.solid;
    for (let slot = 0; slot < end; slot += 1) {
      hashes[slot] = -1;
      if (kind[slot] === 0) continue;
      if (spots.isGhost(slot)) {
        this.order[ghosts] = slot;
        ghosts += 1;
        continue;
      }
      const hash = this.hash(this.#place(x[slot] ?? 0), this.#place(y[slot] ?? 0));
      hashes[slot] = hash;
      starts[hash + 1] = (starts[hash + 1] ?? 0) + 1;
    }
    for (let at = 1; at < starts.length; at += 1) starts[at] = (starts[at] ?? 0) + (starts[at - 1] ?? 0);
    // Filled from behind, where each list ends; what ended it begins it when it is full.
    for (let slot = end - 1; slot >= 0; slot -= 1) {
      const hash = hashes[slot] ?? -1;
      if (hash < 0) continue;
      const at = (starts[hash + 1] ?? 0) - 1;
      starts[hash + 1] = at;
      this.#put(at, slot, spots);
    }
    starts.copyWithin(0, 1);
    starts[starts.length - 1] = spots.solid;
    this.solid = spots.solid;
    this.count = ghosts;
  }

  /** The list of a cell. */
  hash(column: number, row: number): number {
    return ((Math.imul(column, 0x9e3779b1) ^ Math.imul(row, 0x85ebca6b)) >>> 7) & this.#mask;
  }

  #put(at: number, slot: number, { x, y, z }: Spots): void {
    const [px, py] = [x[slot] ?? 0, y[slot] ?? 0];
    this.order[at] = slot;
    this.x[at] = px;
    this.y[at] = py;
    this.z[at] = z[slot] ?? 0;
    this.columns[at] = this.#place(px);
    this.rows[at] = this.#place(py);
  }

  #place(coordinate: number): number {
    return Math.floor(coordinate / this.#cell);
  }

  #resize({ solid, count, end }: Spots): void {
    let lists = 64;
    while (lists < solid * 2) lists *= 2;
    if (this.#mask !== lists - 1) {
      this.#mask = lists - 1;
      this.starts = new Int32Array(lists + 1);
    }
    if (this.#hashes.length < end) this.#hashes = new Int32Array(end * 2);
    if (this.order.length >= count) return;
    this.order = new Int32Array(count * 2);
    this.columns = new Int32Array(count * 2);
    this.rows = new Int32Array(count * 2);
    this.x = new Float64Array(count * 2);
    this.y = new Float64Array(count * 2);
    this.z = new Float64Array(count * 2);
  }
}

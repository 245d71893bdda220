/** Values by a number that mostly rises, such as the sequence of a message: found by it, and in its order. */
export class BySeq<T> {
  // bound: messages of one box, or of one group · evicts: nothing by itself · owner: whoever made it
  readonly #values = new Map<number, T>();
  /** The numbers, in order. */
  readonly #order: number[] = [];

  get size(): number {
    return this.#values.size;
  }

  get(seq: number): T | undefined {
    return this.#values.get(seq);
  }

  set(seq: number, value: T): void {
    if (!this.#values.has(seq)) {
      const last = this.#order.at(-1);
      if (last === undefined || last < seq) this.#order.push(seq);
      else this.#order.splice(this.#placeOf(seq), 0, seq);
    }
    this.#values.set(seq, value);
  }

  delete(seq: number): void {
    if (this.#values.delete(seq)) this.#order.splice(this.#placeOf(seq), 1);
  }

  /** The first number from `seq` on; undefined if there is none. */
  firstFrom(seq: number): number | undefined {
    return this.#order[this.#placeOf(seq)];
  }

  /** All, in order. They may not be changed meanwhile. */
  *entries(): Iterable<readonly [number, T]> {
    for (const seq of this.#order) {
      const value = this.#values.get(seq);
      if (value !== undefined) yield [seq, value];
    }
  }

  /** How many numbers are smaller. */
  #placeOf(seq: number): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#order[middle] ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

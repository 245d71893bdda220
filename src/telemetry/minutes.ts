/** Figures are kept in parts of a minute, milliseconds. */
const partMs = 10_000;
/** One window, milliseconds. */
export const windowMs = 60_000;
/** Two windows, and the part that has just begun. */
const parts = (2 * windowMs) / partMs + 1;

/** Sums of several figures over the last minute and the one before it, in parts of 10 s. */
export class Minutes<Field extends string> {
  readonly #fields: readonly Field[];
  readonly #sums: Float64Array;
  /** The number of the part that is written now. */
  #part: number;

  /** @param now monotonic, milliseconds */
  constructor(fields: readonly Field[], now: number) {
    this.#fields = fields;
    this.#sums = new Float64Array(parts * fields.length);
    this.#part = Math.floor(now / partMs);
  }

  add(field: Field, amount: number, now: number): void {
    this.#turn(now);
    this.#put(field, amount, this.#part);
  }

  /** Adds what lasted from `from` to `now`, each millisecond in its part. */
  addTime(field: Field, from: number, now: number): void {
    this.#turn(now);
    const first = Math.max(Math.floor(from / partMs), this.#part - parts + 1);
    for (let part = first; part <= this.#part; part += 1) {
      const ms = Math.min(now, (part + 1) * partMs) - Math.max(from, part * partMs);
      if (ms > 0) this.#put(field, ms, part);
    }
  }

  /**
   * The sum over the last minute (`back` 0), or the one before it (1). Of a part that lies in the window with a share of
   * its time, that share is taken.
   */
  sum(field: Field, back: 0 | 1, now: number): number {
    this.#turn(now);
    const end = now - back * windowMs;
    const start = end - windowMs;
    let sum = 0;
    for (let part = this.#part; part > this.#part - parts; part -= 1) {
      // The part that is written now has lasted until now only.
      const partEnd = Math.min((part + 1) * partMs, now);
      const lasted = partEnd - part * partMs;
      const inside = Math.min(partEnd, end) - Math.max(part * partMs, start);
      const value = this.#sums[this.#placeOf(field, part)] ?? 0;
      if (lasted <= 0) sum += back === 0 ? value : 0;
      else if (inside > 0) sum += (value * inside) / lasted;
    }
    return sum;
  }

  #put(field: Field, amount: number, part: number): void {
    const place = this.#placeOf(field, part);
    this.#sums[place] = (this.#sums[place] ?? 0) + amount;
  }

  #placeOf(field: Field, part: number): number {
    return (((part % parts) + parts) % parts) * this.#fields.length + this.#fields.indexOf(field);
  }

  /** Empties the parts that have begun since the last time. */
  #turn(now: number): void {
    const part = Math.floor(now / partMs);
    const width = this.#fields.length;
    for (let begun = Math.max(this.#part + 1, part - parts + 1); begun <= part; begun += 1) {
      const place = (begun % parts) * width;
      this.#sums.fill(0, place, place + width);
    }
    if (part > this.#part) this.#part = part;
  }
}

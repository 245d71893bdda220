/**
 * Who has how much, and who has the most. Amounts are whole numbers: one step down costs as much as one step up has, so
 * finding the next lower amount takes no longer than reaching the former one did.
 */
export class Ranking<K> {
  // bound: those who have something, as many as its owner counts · evicts: who has nothing left · owner: Ranking
  readonly #amounts = new Map<K, number>();
  // bound: as above · evicts: an amount goes with the last that has so much · owner: Ranking
  readonly #byAmount = new Map<number, Set<K>>();
  #most = 0;

  /** How much `key` has. */
  amountOf(key: K): number {
    return this.#amounts.get(key) ?? 0;
  }

  /** The largest amount; 0 if nobody has anything. */
  get most(): number {
    return this.#most;
  }

  /** Of those with the most, the one that has had it longest. */
  get first(): K | undefined {
    for (const key of this.#byAmount.get(this.#most) ?? []) return key;
    return undefined;
  }

  /** `key` has so much more, or less where `change` is negative. */
  add(key: K, change: number): void {
    if (change === 0) return;
    const before = this.amountOf(key);
    const now = before + change;
    const former = this.#byAmount.get(before);
    former?.delete(key);
    if (former?.size === 0) this.#byAmount.delete(before);
    if (now > 0) {
      this.#amounts.set(key, now);
      const equals = this.#byAmount.get(now);
      if (equals === undefined) this.#byAmount.set(now, new Set([key]));
      else equals.add(key);
    } else this.#amounts.delete(key);
    this.#most = Math.max(this.#most, now);
    while (this.#most > 0 && !this.#byAmount.has(this.#most)) this.#most -= 1;
  }
}

/** What is held: each thing by one holder at most. */
export class ClaimedRooms<Thing> {
  // bound: the things, roomsMax · evicts: a thing goes when nobody holds it any more · owner: Holders
  readonly #holderOf = new Map<Thing, string>();
  // bound: the things, roomsMax · evicts: a holder goes with the last thing · owner: Holders
  readonly #things = new Map<string, Set<Thing>>();
  /** Holders by how many they hold. */
  // bound: the holders, roomsMax · evicts: with the last holder of so many · owner: Holders
  readonly #byCount = new Map<number, Set<string>>();
  /**
   * How many the greatest holder holds. It rises by one with each thing, so that looking for the next lower one is paid
   * for.
   */
  #most = 0;

  /** `holder` has it from now on; undefined: nobody. */
  set(thing: Thing, holder: string | undefined): void {
    const before = this.#holderOf.get(thing);
    if (before === holder) return;
    if (before !== undefined) this.#lose(thing, before);
    if (holder !== undefined) this.#gain(thing, holder);
  }

  count(holder: string): number {
    return this.#things.get(holder)?.size ?? 0;
  }

  /** What the greatest holder has had for longest, if it holds more than `least`. */
  oldestOfLargest(least: number): Thing | undefined {
    if (this.#most <= least) return undefined;
    const [greatest] = this.#byCount.get(this.#most) ?? [];
    const [longest] = greatest === undefined ? [] : (this.#things.get(greatest) ?? []);
    return longest;
  }

  #gain(thing: Thing, holder: string): void {
    const things = this.#things.get(holder) ?? new Set();
    this.#things.set(holder, things.add(thing));
    this.#holderOf.set(thing, holder);
    this.#move(holder, things.size - 1, things.size);
  }

  #lose(thing: Thing, holder: string): void {
    const things = this.#things.get(holder);
    this.#holderOf.delete(thing);
    if (things?.delete(thing) !== true) return;
    if (things.size === 0) this.#things.delete(holder);
    this.#move(holder, things.size + 1, things.size);
  }

  #move(holder: string, from: number, to: number): void {
    const former = this.#byCount.get(from);
    former?.delete(holder);
    if (former?.size === 0) this.#byCount.delete(from);
    if (to > 0) this.#byCount.set(to, (this.#byCount.get(to) ?? new Set()).add(holder));
    this.#most = Math.max(this.#most, to);
    while (this.#most > 0 && !this.#byCount.has(this.#most)) this.#most -= 1;
  }
}

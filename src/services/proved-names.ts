import type { Clock, Limits } from "../core/index.js";

/** Names that were seen proved, for a while: nobody may claim them without proof meanwhile. */
export class ProvedNames {
  // bound: provedNamesMax · evicts: the name that has not been proved for longest; any after provedNameMs · owner: ProvedNames
  readonly #until = new Map<string, number>();
  readonly #limits: Pick<Limits, "provedNameMs" | "provedNamesMax">;
  readonly #clock: Clock;

  constructor(limits: Pick<Limits, "provedNameMs" | "provedNamesMax">, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  add(name: string): void {
    this.#until.delete(name);
    this.#until.set(name, this.#clock.monotonic() + this.#limits.provedNameMs);
    this.#forget();
  }

  has(name: string): boolean {
    const until = this.#until.get(name);
    return until !== undefined && this.#clock.monotonic() < until;
  }

  /** Names remembered now. */
  get size(): number {
    this.#forget();
    return this.#until.size;
  }

  /** The oldest stand first, so looking stops at the first that stays. */
  #forget(): void {
    const now = this.#clock.monotonic();
    for (const [name, until] of this.#until) {
      if (now < until && this.#until.size <= this.#limits.provedNamesMax) return;
      this.#until.delete(name);
    }
  }
}

/**
 * Places, or bytes, that many take from together and nobody is asked to give back. Everybody has an assured part.
 * Beyond it one gets more only while as much is left as it has then: nobody takes more than half of what there is.
 */
export class Allotment {
  /** What is taken now, the assured parts included. */
  used = 0;
  readonly #max: () => number;
  readonly #assured: number;

  /**
   * @param max how much there is; asked each time, because limits change while the broker runs
   * @param assured what each may have in any case
   */
  constructor(max: () => number, assured: number) {
    this.#max = max;
    this.#assured = assured;
  }

  /** True if somebody who has `own` may have so much more. */
  allows(own: number, more = 1): boolean {
    const wanted = own + more;
    return wanted <= this.#assured || wanted <= this.#max() - this.used;
  }
}

/** The part of what there is that tokens find in any case. */
const issuedPart = 1 / 4;

/**
 * An {@link Allotment} of which a quarter is kept for those who have a token of their own (protocols §1.19): what all
 * others take together beyond three quarters, by their assured parts, is not counted against them.
 */
export class SplitAllotment {
  readonly issued: Allotment;
  readonly others: Allotment;

  /** As for {@link Allotment}. */
  constructor(max: () => number, assured: number) {
    const mostOfOthers = (): number => max() * (1 - issuedPart);
    this.issued = new Allotment(() => max() - Math.min(this.others.used, mostOfOthers()), assured);
    this.others = new Allotment(() => Math.min(mostOfOthers(), max() - this.issued.used), assured);
  }

  /** What is taken now. */
  get used(): number {
    return this.issued.used + this.others.used;
  }

  /** Where somebody takes from. */
  of(isIssued: boolean): Allotment {
    return isIssued ? this.issued : this.others;
  }
}

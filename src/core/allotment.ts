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

/** Work for one peer is done one piece after the other: a pin that is looked at stays as it was until it is set. */
export class Turns {
  // bound: peers for which something is under way · evicts: when the last piece of work is done · owner: Turns
  readonly #last = new Map<string, Promise<unknown>>();

  /** Does `work` when what was begun before for this peer is done, whether it failed or not. */
  async run<Result>(peer: string, work: () => Promise<Result> | Result): Promise<Result> {
    const before = this.#last.get(peer) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#last.set(peer, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(peer) === mine) this.#last.delete(peer);
    }
  }
}

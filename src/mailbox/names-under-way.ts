/**
 * Names whose box is just being opened or closed. Whoever opens one of this name meanwhile waits: a kill must not leave
 * two of them on disk, of which nobody could reach the older one.
 */
export class NamesUnderWay {
  // bound: mailboxesMax · evicts: when it is on the disk that the box is open, or closed · owner: NamesUnderWay
  readonly #all = new Map<string, Promise<void>>();

  get size(): number {
    return this.#all.size;
  }

  /** Resolves when nothing is under way for the name, how ever it has ended; undefined: nothing is. */
  end(name: string): Promise<void> | undefined {
    return this.#all.get(name)?.catch(() => undefined); // whoever began it is told
  }

  /** Does this alone for the name; nothing may be under way for it. @throws what `work` does */
  async alone(name: string, work: Promise<void>): Promise<void> {
    this.#all.set(name, work);
    try {
      await work;
    } finally {
      this.#all.delete(name);
    }
  }
}

/** A subscription that is not heard for now. */
export interface Sleeper {
  /** Judges it again; true if it is awake or gone. */
  tryAgain(): boolean;
}

/** Sleepers that are judged again in one round: what 20,000 connections want at once must not stop the loop. */
const perRound = 1_000;

/**
 * All subscriptions that sleep: names that have an owner, rooms one is not invited to, rights one does not have. Tried
 * again in turn.
 */
export class Sleepers {
  // bound: zmqSubscriptionsMax of each of zmqConnectionsMax · evicts: a sleeper goes when it wakes, is cancelled, or
  // with its connection · owner: Sleepers
  readonly #asleep = new Set<Sleeper>();

  get size(): number {
    return this.#asleep.size;
  }

  /** The returned function takes it out. */
  add(sleeper: Sleeper): () => void {
    this.#asleep.add(sleeper);
    return () => {
      this.#asleep.delete(sleeper);
    };
  }

  /** One round: the longest untried first. */
  round(): void {
    let left = Math.min(perRound, this.#asleep.size);
    for (const sleeper of this.#asleep) {
      if (left === 0) return;
      left -= 1;
      this.#asleep.delete(sleeper);
      if (!sleeper.tryAgain()) this.#asleep.add(sleeper);
    }
  }
}

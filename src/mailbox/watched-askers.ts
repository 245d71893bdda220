import type { Router } from "../core/index.js";

/**
 * Agents that wait for answers out of mailboxes: what is for them is looked at meanwhile, also what one ZeroMQ agent
 * says to another, because the answer settles the request.
 */
export class WatchedAskers {
  readonly #router: Pick<Router, "look">;
  // bound: agents with open requests in boxes (mailMax in each) · evicts: with the last of them · owner: WatchedAskers
  readonly #byName = new Map<string, { boxes: number; readonly end: () => void }>();

  constructor(router: Pick<Router, "look">) {
    this.#router = router;
  }

  /** An agent begins, or ends, to wait for an answer out of one box. */
  waits(asker: string, isWaiting: boolean): void {
    const watched = this.#byName.get(asker);
    if (isWaiting) {
      if (watched === undefined) this.#byName.set(asker, { boxes: 1, end: this.#router.look(asker) });
      else watched.boxes += 1;
    } else if (watched !== undefined) {
      watched.boxes -= 1;
      if (watched.boxes > 0) return;
      watched.end();
      this.#byName.delete(asker);
    }
  }

  /** Nobody is watched any more. */
  end(): void {
    for (const { end } of this.#byName.values()) end();
    this.#byName.clear();
  }
}

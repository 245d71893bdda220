import type { Connection } from "../../dialect/connection.js";

/** Questions whether the peer is alive. Any sign of it answers them all. */
export class LifeSigns {
  readonly #deadline: Connection["deadline"];
  // bound: newcomers of one name, one at a time each · evicts: a question when it is answered or its time is over ·
  // owner: LifeSigns
  #asked: Set<(alive: boolean) => void> | undefined; // made when first asked: nearly no connection ever is

  constructor(deadline: Connection["deadline"]) {
    this.#deadline = deadline;
  }

  /** True while a question waits. */
  get isAsked(): boolean {
    return this.#asked !== undefined && this.#asked.size > 0;
  }

  /** Resolves to true if a sign comes within `ms`. `ping` asks the peer for one; the first question calls it. */
  ask(ms: number, ping: () => void): Promise<boolean> {
    return new Promise((resolve) => {
      const answer = (alive: boolean): void => {
        cancel();
        this.#asked?.delete(answer);
        resolve(alive);
      };
      const cancel = this.#deadline(ms, () => {
        answer(false);
      });
      this.#asked ??= new Set();
      this.#asked.add(answer);
      if (this.#asked.size === 1) ping();
    });
  }

  /** A sign came (true), or no sign can come any more (false). */
  answer(alive: boolean): void {
    if (this.#asked !== undefined && this.#asked.size > 0) for (const answer of [...this.#asked]) answer(alive);
  }
}

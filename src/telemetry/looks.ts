import type { Clock } from "../core/index.js";
import type { LookedAt } from "./telemetry.js";

/** Counting goes on so long after the last who looked, milliseconds. */
const lingerMs = 60_000;

/** What of it is looked at, and what begins and ends with that. */
export interface Looking {
  begin(at: LookedAt): void;
  end(at: LookedAt): void;
}

/** Who looks at what: something begins with the first, and ends a minute after the last. */
export class Looks {
  readonly #clock: Pick<Clock, "after">;
  readonly #looking: Looking;
  // bound: three (LookedAt) · evicts: a minute after the last who looked · owner: Looks
  readonly #open = new Map<LookedAt, { users: number; cancel: (() => void) | undefined }>();

  constructor(clock: Pick<Clock, "after">, looking: Looking) {
    this.#clock = clock;
    this.#looking = looking;
  }

  /** True while anything is counted. */
  get any(): boolean {
    return this.#open.size > 0;
  }

  has(at: LookedAt): boolean {
    return this.#open.has(at);
  }

  /** The returned function ends it; a second call does nothing. */
  look(at: LookedAt): () => void {
    let open = this.#open.get(at);
    if (open === undefined) {
      this.#open.set(at, (open = { users: 0, cancel: undefined }));
      this.#looking.begin(at);
    }
    open.cancel?.();
    open.cancel = undefined;
    open.users += 1;
    const looked = open;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      looked.users -= 1;
      if (looked.users > 0) return;
      looked.cancel = this.#clock.after(lingerMs, () => {
        this.#end(at);
      });
    };
  }

  /** Ends everything at once. */
  close(): void {
    for (const [at, { cancel }] of [...this.#open]) {
      cancel?.();
      this.#end(at);
    }
  }

  #end(at: LookedAt): void {
    if (this.#open.delete(at)) this.#looking.end(at);
  }
}

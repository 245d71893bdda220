import { BlockPool } from "./block-pool.js";
import { FrameRun } from "./frame-run.js";

/** Something with bytes that wait for the end of the tick. */
export interface Flushable {
  flush(): void;
}

/**
 * Writes what has gathered once per tick: fan-out to many sockets costs one system call each instead of one per message
 * (4 × cheaper with four messages in flight).
 */
export class Flusher {
  /** Blocks for what gathers. */
  readonly blocks = new BlockPool();
  #dirty: Flushable[] = [];
  /** The run that was begun last in this tick. */
  #begun: FrameRun | undefined;
  #scheduled = false;

  /** Marks `item` to be flushed; the caller does so once until it is. */
  mark(item: Flushable): void {
    this.#dirty.push(item);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.flush();
    });
  }

  /** The run of one frame, the same for all who begin with it one after the other. */
  begin(frame: Buffer): FrameRun {
    if (this.#begun?.is(frame) !== true) this.#begun = new FrameRun(frame, undefined);
    return this.#begun;
  }

  /** Flushes everything that is marked, now. */
  flush(): void {
    this.#scheduled = false;
    this.#begun = undefined;
    const dirty = this.#dirty;
    if (dirty.length === 0) return;
    this.#dirty = [];
    for (const item of dirty) item.flush();
  }
}

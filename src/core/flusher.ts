/** 64 KiB: a block is one write; larger ones gain nothing and pin more memory. */
export const blockBytes = 64 * 1024;
const freeMax = 64;

/**
 * Blocks of 64 KiB that send queues write from and give back. New ones at each tick are memory that V8 counts as its
 * own:
 * a full collection
 * every 20 ms at 1 M messages/s, and a p99 of 10 ms.
 */
export class BlockPool {
  readonly #free: Buffer[] = [];

  /** A block with any content. */
  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
  }

  /** Gives a block back: nobody, the system included, may read it any more. At most 64 are kept. */
  give(block: Buffer): void {
    if (this.#free.length < freeMax) this.#free.push(block);
  }
}

/** So much comes from Node's pool; more would be memory of its own for each run. */
export const runMaxBytes = 4_000;

/**
 * Whole frames that leave a socket together, in order. Whoever is given the same frames in the same order shares one
 * run, whose bytes are joined once for
 * all: four messages to a room of 1,000 are one buffer, not 1,000.
 */
export class FrameRun {
  /** Bytes. */
  readonly size: number;
  readonly #frame: Buffer;
  readonly #before: FrameRun | undefined;
  /** The longer run that was asked for last: a message goes to all its hearers before the next one does. */
  #longer: FrameRun | undefined;
  #joined: Buffer | undefined;

  /** @param frame is not written to again */
  constructor(frame: Buffer, before: FrameRun | undefined) {
    this.#frame = frame;
    this.#before = before;
    this.size = frame.length + (before?.size ?? 0);
  }

  /** This run and one frame more. */
  with(frame: Buffer): FrameRun {
    const known = this.#longer;
    if (known !== undefined && known.#frame === frame) return known;
    return (this.#longer = new FrameRun(frame, this));
  }

  /** True if it is this one frame and no more. */
  is(frame: Buffer): boolean {
    return this.#before === undefined && this.#frame === frame;
  }

  /** All frames in one buffer, which nobody writes to. */
  get bytes(): Buffer {
    if (this.#before === undefined) return this.#frame;
    if (this.#joined === undefined) this.copyTo((this.#joined = Buffer.allocUnsafe(this.size)));
    return this.#joined;
  }

  /** Writes all frames to the beginning of `target`. */
  copyTo(target: Buffer): void {
    this.#frame.copy(target, this.size - this.#frame.length);
    for (let run = this.#before; run !== undefined; run = run.#before)
      run.#frame.copy(target, run.size - run.#frame.length);
  }
}

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

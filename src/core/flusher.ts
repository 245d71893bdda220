/** Bytes of a block. A block is one write; larger ones are not faster and pin more memory. */
export const blockBytes = 64 * 1024;
const freeMax = 64;

/**
 * Blocks of 64 KiB that send queues write from and give back. New blocks at each tick would count as V8's memory: a
 * full garbage collection every 20 ms at 1 M messages/s, and a p99 of 10 ms.
 */
export class BlockPool {
  readonly #free: Buffer[] = [];

  /** A block with any content. */
  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
  }

  /** Gives a block back that nobody reads any more, the system included. At most 64 are kept. */
  give(block: Buffer): void {
    if (this.#free.length < freeMax) this.#free.push(block);
  }
}

/** Most bytes of a run: Node's pool serves so much, a larger run would allocate memory of its own. */
export const runMaxBytes = 4_000;
/** Of a run that a crowd shares: a block for each of 2,000 sockets took 60 ms at the 14th message, one for all nothing. */
export const crowdRunMaxBytes = blockBytes;

/**
 * Whole frames that leave a socket together, in order. Sockets that get the same frames in the same order share one
 * run, whose bytes are joined once for all of them: four messages to a room of 1,000 are one buffer, not 1,000. Whoever
 * is no part of a crowd copies what makes it longer than {@link runMaxBytes} for itself.
 */
export class FrameRun {
  /** Bytes. */
  readonly size: number;
  readonly #frame: Buffer;
  readonly #before: FrameRun | undefined;
  /** The longer run that was made last: one message goes to all its receivers before the next one does. */
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

  /** All frames in one buffer, which must not be written to. */
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

/** The clock is read after so many of them, or so many bytes. */
const flushedAtLeast = 16;
const givenAtLeast = blockBytes;
/** Milliseconds. A message to 10,000 sockets takes longer: the rest is written in the next turns. */
const turnMs = 2;
/** When a crowd was left over it has this long, milliseconds: readers must not fall behind what is read meanwhile. */
const behindMs = 8;
/** From so many sockets on that get the same bytes one after the other, they make room for all that get others. */
const crowdAbove = 64;

/** Holds bytes that are written at the end of the tick. */
export interface Flushable {
  /** @returns how many bytes it has given to its socket */
  flush(): number;
}

/**
 * Writes what has gathered once per tick: fan-out to many sockets costs one system call each instead of one per message
 * (4 × cheaper with four messages in flight). What goes to thousands of sockets is written after what goes to few: an
 * answer does not wait until everybody has heard that 2,000 agents have left.
 */
export class Flusher {
  /** The blocks of all send queues. */
  readonly blocks = new BlockPool();
  #few: Flushable[] = [];
  #crowd: Flushable[] = [];
  /** The bytes that were given last to a socket without any, and to how many sockets in a row. */
  #bytes: Buffer | undefined;
  #start = 0;
  #alike = 0;
  /** The run that was started last in this tick. */
  #begun: FrameRun | undefined;
  #scheduled = false;
  #isBehind = false;

  /** A crowd waits that did not fit into a turn: whoever reads for it should wait, too, or its backlogs grow full. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Marks `item` to be flushed at the end of the tick. The caller does so once per flush and line. */
  mark(item: Flushable, line: "few" | "crowd"): void {
    (line === "few" ? this.#few : this.#crowd).push(item);
    this.#schedule();
  }

  /**
   * Counts one more socket that gets what begins at `start` of `bytes`.
   * @returns true if so many got it in a row that they are a crowd
   */
  isForCrowd(bytes: Buffer, start: number): boolean {
    this.#alike = bytes === this.#bytes && start === this.#start ? this.#alike + 1 : 1;
    this.#bytes = bytes; // until the end of the tick
    this.#start = start;
    return this.#alike > crowdAbove;
  }

  /** The run of one frame; callers that start with the same frame one after the other get the same run. */
  begin(frame: Buffer): FrameRun {
    if (this.#begun?.is(frame) !== true) this.#begun = new FrameRun(frame, undefined);
    return this.#begun;
  }

  /** Flushes everything that is marked; what takes too long for this turn, in the next ones. */
  flush(): void {
    this.#scheduled = false;
    this.#begun = undefined;
    this.#bytes = undefined;
    const [few, crowd] = [this.#few, this.#crowd];
    if (few.length + crowd.length === 0) return;
    this.#few = [];
    this.#crowd = [];
    const now = few.length + crowd.length > 1 ? performance.now() : Infinity;
    const fewLeft = flushUntil(few, now + turnMs);
    const crowdLeft = flushUntil(crowd, now + (this.#isBehind ? behindMs : turnMs));
    this.#isBehind = crowdLeft.length > 0;
    if (fewLeft.length + crowdLeft.length === 0) return;
    this.#few = [...fewLeft, ...this.#few];
    this.#crowd = [...crowdLeft, ...this.#crowd];
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.flush();
    });
  }
}

/** @returns what was not flushed because the time was over */
function flushUntil(items: readonly Flushable[], end: number): readonly Flushable[] {
  let at = 0;
  let looksAt = flushedAtLeast;
  let given = 0;
  for (const item of items) {
    given += item.flush();
    at += 1;
    if (at < looksAt && given < givenAtLeast) continue;
    if (performance.now() >= end) break;
    looksAt = at + flushedAtLeast;
    given = 0;
  }
  return items.slice(at);
}

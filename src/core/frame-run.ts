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

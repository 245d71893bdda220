import { bodyStart, frameEnd, PartialUnit } from "./codec.js";

/** The beginning of a frame, and how long the frame was. */
export interface ClippedFrame {
  readonly flags: number;
  /** The body, or as much of it as is kept. */
  readonly body: Buffer;
  /** Bytes of the whole body. */
  readonly size: number;
}

const nothing: Buffer = Buffer.alloc(0);

/**
 * Frames out of chunks, one at a time. Of a long frame only the beginning is kept, and the rest is read and forgotten:
 * so one that is too long costs no memory, and the connection can go on behind it. Pure: bytes in, frames out.
 */
export class ClippedFrameReader {
  readonly #keptMaxBytes: number;
  readonly #frameMaxBytes: number;
  readonly #partial = new PartialUnit();
  #chunk: Buffer = nothing;
  #at = 0;
  /** A frame whose rest is being read. */
  #clipped: ClippedFrame | undefined;
  #rest = 0;

  /** `keptMaxBytes`: what is kept of a body. `frameMaxBytes`: a longer one is illegal. */
  constructor(keptMaxBytes: number, frameMaxBytes: number) {
    this.#keptMaxBytes = keptMaxBytes;
    this.#frameMaxBytes = frameMaxBytes;
  }

  /** Gives the next chunk; all frames of the one before must have been read. */
  feed(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** The next frame, or undefined when more bytes are needed. @throws IllegalBytes */
  next(): ClippedFrame | undefined {
    if (this.#clipped !== undefined) return this.#skip(this.#clipped);
    const chunk = this.#chunk;
    if (this.#partial.size > 0) {
      this.#at = this.#partial.fill(chunk, this.#at, (bytes) => this.#keptEnd(bytes, 0));
      const unit = this.#partial.take();
      return unit === undefined ? undefined : this.#frame(unit, 0, unit.length);
    }
    const at = this.#at;
    if (at >= chunk.length) return undefined;
    const end = this.#keptEnd(chunk, at);
    if (end > chunk.length) {
      this.#partial.keep(chunk, at, chunk.length, end - at);
      this.#at = chunk.length;
      return undefined;
    }
    this.#at = end;
    return this.#frame(chunk, at, end);
  }

  /** Where the part of the frame at `at` ends that is kept; beyond `bytes.length` when more of it is needed. */
  #keptEnd(bytes: Buffer, at: number): number {
    const end = frameEnd(bytes, at, this.#frameMaxBytes);
    return Math.min(end, bodyStart(bytes, at) + this.#keptMaxBytes);
  }

  #frame(bytes: Buffer, at: number, end: number): ClippedFrame | undefined {
    const bodyAt = bodyStart(bytes, at);
    const whole = frameEnd(bytes, at, this.#frameMaxBytes);
    const flags = bytes[at] ?? 0;
    const body = bytes.subarray(bodyAt, end);
    if (whole === end) return { flags, body, size: body.length };
    this.#rest = whole - end;
    return this.#skip({ flags, body: Buffer.from(body), size: whole - bodyAt });
  }

  #skip(frame: ClippedFrame): ClippedFrame | undefined {
    const take = Math.min(this.#rest, this.#chunk.length - this.#at);
    this.#at += take;
    this.#rest -= take;
    this.#clipped = this.#rest > 0 ? frame : undefined;
    return this.#rest > 0 ? undefined : frame;
  }
}

import { decodePayload, mustBeLength, typeOf } from "./decode.js";
import {
  BinaryProblem,
  compressedHeaderBytes,
  headerBytes,
  magic,
  payloadBytesMax,
  type BinaryFrame,
  type BinaryPriority,
} from "./frame.js";

export interface FrameReaderOptions {
  /** Bytes of a compressed batch that are kept until its message ends; 0: there may be none. */
  readonly maxCompressedBytes?: number;
}

/** A WebSocket message of this broker's is never longer. */
const maxCompressedBytesDefault = 4 * 1024 * 1024;

/** Bits 1–2 are the priority; a sender sets no other. */
const reservedFlags = 0b1111_1001;

/**
 * Reads frames out of bytes that come in pieces, or several frames at once (Visualisation §2.3). It keeps one unfinished
 * frame, and makes room for what has come, never for what is announced. After a problem nothing more can be read:
 * make another one for the next message.
 */
export class FrameReader {
  readonly #maxCompressedBytes: number;
  readonly #mostBytes: number;
  #held = new Uint8Array(0);
  #length = 0;
  #problem: BinaryProblem | undefined;

  constructor({ maxCompressedBytes = maxCompressedBytesDefault }: FrameReaderOptions = {}) {
    this.#maxCompressedBytes = maxCompressedBytes;
    this.#mostBytes = 1 + Math.max(headerBytes + payloadBytesMax, compressedHeaderBytes + maxCompressedBytes);
  }

  /**
   * @returns the frames that are whole by now; a compressed one is returned by `end`
   * @throws BinaryProblem
   */
  push(bytes: Uint8Array): readonly BinaryFrame[] {
    return this.#orBreak(() => {
      const frames: BinaryFrame[] = [];
      let rest = bytes;
      while (rest.length > 0) {
        const take = Math.min(rest.length, this.#missing());
        this.#hold(rest.subarray(0, take));
        rest = rest.subarray(take);
        const frame = this.#whole();
        if (frame !== undefined) frames.push(frame);
      }
      return frames;
    });
  }

  /**
   * At the end of a WebSocket message.
   * @returns the compressed batch that has come in it
   * @throws BinaryProblem a frame is not whole
   */
  end(): BinaryFrame | undefined {
    return this.#orBreak(() => {
      const length = this.#length;
      if (length > 0 && (this.#type() !== "compressed" || length <= compressedHeaderBytes))
        throw new BinaryProblem("the message ends within a frame");
      const held = this.#held;
      this.#held = new Uint8Array(0);
      this.#length = 0;
      if (length === 0) return undefined;
      const originalSize = new DataView(held.buffer).getUint32(5);
      return { type: "compressed", originalSize, data: held.subarray(compressedHeaderBytes, length) };
    });
  }

  #orBreak<Result>(read: () => Result): Result {
    if (this.#problem !== undefined) throw this.#problem;
    try {
      return read();
    } catch (thrown) {
      if (thrown instanceof BinaryProblem) {
        this.#problem = thrown;
        this.#held = new Uint8Array(0);
      }
      throw thrown;
    }
  }

  /** How many bytes may be taken at once: to the end of the header, then to the end of the frame. */
  #missing(): number {
    if (this.#length < headerBytes)
      return (this.#type() === "compressed" ? compressedHeaderBytes : headerBytes) - this.#length;
    if (this.#type() === "compressed") return this.#maxCompressedBytes + compressedHeaderBytes + 1 - this.#length;
    return headerBytes + this.#view().getUint16(6) - this.#length;
  }

  /** The frame that is held, if all of it is there. */
  #whole(): BinaryFrame | undefined {
    this.#mustBegin();
    const type = this.#type();
    if (type === undefined) return undefined;
    if (type === "compressed") {
      if (this.#maxCompressedBytes === 0) throw new BinaryProblem("a compressed batch may not stand here");
      if (this.#length > this.#maxCompressedBytes + compressedHeaderBytes)
        throw new BinaryProblem(`a compressed batch has more than ${String(this.#maxCompressedBytes)} bytes`);
      return undefined;
    }
    const flags = this.#held[5] ?? 0;
    if (this.#length > 5 && (flags & reservedFlags) !== 0)
      throw new BinaryProblem("only bits 1 and 2 of the flags are used, the others are reserved, and 0");
    if (this.#length < headerBytes) return undefined;
    const length = this.#view().getUint16(6);
    mustBeLength(type, length);
    if (this.#length < headerBytes + length) return undefined;
    const payload = this.#held.subarray(headerBytes, this.#length);
    const frame = { priority: (flags >> 1) as BinaryPriority, ...decodePayload(type, payload) }; // two bits
    this.#length = 0;
    return frame;
  }

  #mustBegin(): void {
    for (let at = 0; at < Math.min(this.#length, magic.length); at += 1) {
      if (this.#held[at] !== magic[at]) throw new BinaryProblem("a frame begins with AGNT; this does not");
    }
  }

  /** Undefined: it has not come yet. */
  #type(): BinaryFrame["type"] | undefined {
    return this.#length > 4 ? typeOf(this.#held[4] ?? 0) : undefined;
  }

  #view(): DataView {
    return new DataView(this.#held.buffer, this.#held.byteOffset, this.#length);
  }

  #hold(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#held.length) {
      const larger = new Uint8Array(Math.max(length, Math.min(2 * this.#held.length, this.#mostBytes)));
      larger.set(this.#held.subarray(0, this.#length));
      this.#held = larger;
    }
    this.#held.set(bytes, this.#length);
    this.#length = length;
  }
}

/** All frames of one whole WebSocket message. @throws BinaryProblem; an empty message has no frame and is one, too */
export function readFrames(message: Uint8Array, options?: FrameReaderOptions): readonly BinaryFrame[] {
  if (message.length === 0) throw new BinaryProblem("the message is empty");
  const reader = new FrameReader(options);
  const frames = reader.push(message);
  const last = reader.end();
  return last === undefined ? frames : [...frames, last];
}

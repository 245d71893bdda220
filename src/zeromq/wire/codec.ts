import { isBinaryTopic, topicBytes } from "../../core/index.js";

/** Why a connection's bytes were illegal; the ledger counts under these words. */
export type IllegalReason =
  | "zmtp-not-zmtp"
  | "zmtp-reserved-flags"
  | "zmtp-command-more"
  | "zmtp-frame-too-large"
  | "zmtp-message-too-large"
  | "zmtp-handshake-too-large"
  | "zmtp-command-name"
  | "zmtp-metadata"
  | "zmtp-hello"
  | "zmtp-ready-twice"
  | "zmtp-early-traffic"
  | "zmtp-unexpected-command"
  | "zmtp-short-ping";

/** Bytes that ZMTP does not allow (RFC 23, ZeroMQ §12.1): the connection is closed at once and the reason counted. */
export class IllegalBytes extends Error {
  readonly reason: IllegalReason;

  constructor(reason: IllegalReason) {
    super(reason);
    this.name = "IllegalBytes";
    this.reason = reason;
  }
}

/** Bits of a frame's first byte (RFC 23 §3.2). */
export const moreFlag = 0x01;

/** The length takes eight bytes. */
export const longFlag = 0x02;

/** The frame is a command. */
export const commandFlag = 0x04;
const reservedFlags = 0xf8;

/** One frame: its flags and its body, a range of the bytes that were read. */
export interface ZmtpFrame {
  readonly flags: number;
  readonly body: Buffer;
}

/**
 * Where the frame that begins at `at` ends. If that is beyond `bytes.length`, the frame is incomplete, and at least so
 * many bytes are needed.
 * @throws IllegalBytes for illegal flags, or a length over `maxBytes`, as soon as the header shows it
 */
export function frameEnd(bytes: Buffer, at: number, maxBytes: number): number {
  const flags = bytes[at];
  if (flags === undefined) return at + 2;
  if ((flags & reservedFlags) !== 0) throw new IllegalBytes("zmtp-reserved-flags");
  if ((flags & commandFlag) !== 0 && (flags & moreFlag) !== 0) throw new IllegalBytes("zmtp-command-more");
  if ((flags & longFlag) === 0) {
    const size = bytes[at + 1];
    if (size === undefined) return at + 2;
    if (size > maxBytes) throw new IllegalBytes("zmtp-frame-too-large");
    return at + 2 + size;
  }
  if (bytes.length - at < 9) return at + 9;
  const size = bytes.readUInt32BE(at + 1) * 0x1_0000_0000 + bytes.readUInt32BE(at + 5);
  if (size > maxBytes) throw new IllegalBytes("zmtp-frame-too-large");
  return at + 9 + size;
}

/** Where the body of the frame at `at` begins; its header must be complete. */
export function bodyStart(bytes: Buffer, at: number): number {
  return at + (((bytes[at] ?? 0) & longFlag) === 0 ? 2 : 9);
}

/**
 * Where the unit that begins at `at` ends: a command, a message of one part, or the first two parts of a message. As
 * `frameEnd` when it is incomplete. @throws IllegalBytes
 */
export function unitEnd(bytes: Buffer, at: number, maxBytes: number): number {
  const end = frameEnd(bytes, at, maxBytes);
  if (end > bytes.length || ((bytes[at] ?? 0) & moreFlag) === 0) return end;
  return frameEnd(bytes, end, maxBytes);
}

/** One frame as bytes. Short form up to 255 bytes, as libzmq writes it. */
export function encodeFrame(flags: number, body: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(frameSize(body.length));
  body.copy(frame, writeHeader(frame, 0, flags, body.length));
  return frame;
}

/** A message of two parts as bytes. */
export function encodeMessage(topic: string, payload: Buffer): Buffer {
  const isText = !isBinaryTopic(topic);
  const topicSize = isText ? Buffer.byteLength(topic) : topic.length - 1;
  const message = Buffer.allocUnsafe(frameSize(topicSize) + frameSize(payload.length));
  let at = writeHeader(message, 0, moreFlag, topicSize);
  at += isText ? message.write(topic, at, "utf8") : topicBytes(topic).copy(message, at);
  payload.copy(message, writeHeader(message, at, 0, payload.length));
  return message;
}

function frameSize(body: number): number {
  return body + (body <= 255 ? 2 : 9);
}

function writeHeader(target: Buffer, at: number, flags: number, size: number): number {
  if (size <= 255) {
    target[at] = flags;
    target[at + 1] = size;
    return at + 2;
  }
  target[at] = flags | longFlag;
  target.writeUInt32BE(Math.floor(size / 0x1_0000_0000), at + 1);
  target.writeUInt32BE(size % 0x1_0000_0000, at + 5);
  return at + 9;
}

/** Tells where the unit at the start of `bytes` ends; beyond `bytes.length` when that many bytes are needed first. */
export type Measure = (bytes: Buffer) => number;

/** A unit whose bytes come in several chunks: keeps what has come, and joins it once when all of it is there. */
export class PartialUnit {
  readonly #list = new ChunkList();
  #needed = 0;
  #unit: Buffer | undefined;

  /** Bytes kept of the unfinished unit. */
  get size(): number {
    return this.#list.size;
  }

  /** Keeps `bytes[start, end)`, the beginning of a unit of at least `needed` bytes. */
  keep(bytes: Buffer, start: number, end: number, needed: number): void {
    this.#needed = needed;
    this.#list.push(bytes, start, end, needed);
  }

  /** Goes on reading at `chunk[at]`. If the unit is whole then, `take` returns it. @returns how far it read */
  fill(chunk: Buffer, at: number, measure: Measure): number {
    for (;;) {
      const take = Math.min(this.#needed - this.#list.size, chunk.length - at);
      this.#list.push(chunk, at, at + take, this.#needed);
      at += take;
      if (this.#list.size < this.#needed) return at;
      const joined = this.#list.join();
      const needed = measure(joined);
      if (needed <= joined.length) {
        this.#unit = joined;
        return at;
      }
      this.keep(joined, 0, joined.length, needed);
    }
  }

  /** The whole unit, once; undefined if it is not whole yet. */
  take(): Buffer | undefined {
    const unit = this.#unit;
    this.#unit = undefined;
    return unit;
  }
}

/** Frames out of chunks, one at a time. Pure: bytes in, frames out. */
export class FrameReader {
  readonly #partial = new PartialUnit();
  readonly #maxBytes: number;
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;

  /** `maxBytes`: longest body of a frame. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Gives the next chunk; all frames of the one before must have been read. */
  feed(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** The next whole frame, or undefined when more bytes are needed. @throws IllegalBytes */
  next(): ZmtpFrame | undefined {
    const chunk = this.#chunk;
    if (this.#partial.size > 0) {
      this.#at = this.#partial.fill(chunk, this.#at, (bytes) => frameEnd(bytes, 0, this.#maxBytes));
      const unit = this.#partial.take();
      return unit === undefined ? undefined : frameAt(unit, 0, unit.length);
    }
    const at = this.#at;
    if (at >= chunk.length) return undefined;
    const end = frameEnd(chunk, at, this.#maxBytes);
    if (end > chunk.length) {
      this.#partial.keep(chunk, at, chunk.length, end - at);
      this.#at = chunk.length;
      return undefined;
    }
    this.#at = end;
    return frameAt(chunk, at, end);
  }

  /** The part of the last chunk that has not been read: another reader goes on with it. */
  rest(): Buffer {
    const rest = this.#chunk.subarray(this.#at);
    this.#at = this.#chunk.length;
    return rest;
  }
}

function frameAt(bytes: Buffer, at: number, end: number): ZmtpFrame {
  return { flags: bytes[at] ?? 0, body: bytes.subarray(bodyStart(bytes, at), end) };
}

const blockMaxBytes = 64 * 1024;
const blockMinBytes = 64;
/** Up to this size a block has room for everything expected; beyond it a block is no larger than what has come. */
const generousBytes = 4096;

/**
 * Bytes that arrive in pieces and are joined once: joining them at each chunk is quadratic, 28 s of CPU for 64 MiB.
 * They are copied into blocks, because the chunk is overwritten by the next read, and so that a peer that sends byte by
 * byte does not cost an object for each byte.
 */
export class ChunkList {
  /** Bytes kept. */
  size = 0;
  #pieces: Buffer[] = [];
  #block: Buffer | undefined;
  #used = 0;

  /** Adds `source[start, end)`. `expect`: bytes expected in all; it guides the size of blocks. */
  push(source: Buffer, start: number, end: number, expect: number): void {
    const size = end - start;
    if (size <= 0) return;
    this.size += size;
    let at = start;
    while (at < end) {
      let block = this.#block;
      if (block === undefined || this.#used === block.length) {
        this.#seal();
        const expected = Math.min(expect - this.size + end - at, Math.max(this.size, generousBytes));
        const wanted = Math.max(end - at, expected);
        block = Buffer.allocUnsafe(Math.min(Math.max(wanted, blockMinBytes), blockMaxBytes));
        this.#block = block;
      }
      const take = Math.min(end - at, block.length - this.#used);
      source.copy(block, this.#used, at, at + take);
      this.#used += take;
      at += take;
    }
  }

  /** All bytes as one, which leaves the list empty. */
  join(): Buffer {
    this.#seal();
    const pieces = this.#pieces;
    const size = this.size;
    this.#pieces = [];
    this.size = 0;
    const [first] = pieces;
    return pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces, size);
  }

  #seal(): void {
    if (this.#block !== undefined && this.#used > 0) this.#pieces.push(this.#block.subarray(0, this.#used));
    this.#block = undefined;
    this.#used = 0;
  }
}

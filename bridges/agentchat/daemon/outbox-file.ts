import { closeSync, fstatSync, openSync, readSync, type BigIntStats } from "node:fs";
import { codeOf } from "./files.js";
import type { DaemonLog } from "./log.js";
import { loadProgress, messageId, noProgress, saveProgress, tailBytes, tailOf, type Progress } from "./outbox-progress.js";
import type { DaemonPaths } from "./paths.js";

/** A complete line of the outbox. */
export interface OutboxLine {
  /** Undefined if it is longer than {@link maxLineBytes}. */
  readonly bytes: Uint8Array | undefined;
  readonly offset: number;
  readonly messageId: string;
  /** The progress once this line is dealt with. */
  readonly after: Progress;
}

/** No message is that long, escapes and all: a longer line is not read into memory. */
export const maxLineBytes = 512 * 1_024;
const chunkBytes = 64 * 1_024;
/** Lines read ahead; what its writer takes back after that is still sent. */
const aheadLines = 10;
const newline = 0x0a;

/**
 * Reads `outbox.jsonl` line by line and keeps, durably, how far it came. A line counts once its newline is there.
 * A file that was cut, replaced, or differs before the offset is a new outbox, read from its beginning. Whoever writes owns the file: nothing is ever changed in it.
 */
export class OutboxFile {
  readonly #paths: Pick<DaemonPaths, "outbox" | "progress">;
  readonly #instance: string;
  readonly #log: DaemonLog;
  // bound: 10 lines · evicts: a line by done() · owner: OutboxFile
  readonly #ahead: OutboxLine[] = [];
  #progress: Progress;
  /** Up to where an overlong line was searched for its end. */
  #searched = 0;

  /** Reads the record of an earlier run. @throws Error if it is damaged */
  static open(paths: Pick<DaemonPaths, "outbox" | "progress">, instance: string, log: DaemonLog): OutboxFile {
    return new OutboxFile(paths, instance, log, loadProgress(paths.progress) ?? noProgress());
  }

  private constructor(paths: Pick<DaemonPaths, "outbox" | "progress">, instance: string, log: DaemonLog, progress: Progress) {
    this.#paths = paths;
    this.#instance = instance;
    this.#log = log;
    this.#progress = progress;
  }

  /** The next complete line; the same one until it is done. Undefined if there is none yet. @throws NodeJS.ErrnoException */
  next(): OutboxLine | undefined {
    if (this.#ahead.length === 0) this.#look();
    return this.#ahead[0];
  }

  /** The line was sent or set aside: this is on the disk when it returns. @throws NodeJS.ErrnoException; call it again then */
  done(line: OutboxLine): void {
    saveProgress(this.#paths.progress, line.after);
    this.#progress = line.after;
    if (this.#ahead[0] === line) this.#ahead.shift();
  }

  #look(): void {
    const file = openIfThere(this.#paths.outbox);
    if (file === undefined) return;
    try {
      const now = fstatSync(file, { bigint: true });
      if (!this.#isSame(file, now)) this.#begin(now);
      if (this.#searched > 0) this.#skip(file);
      else this.#read(file);
    } finally {
      closeSync(file);
    }
  }

  #isSame(file: number, now: BigIntStats): boolean {
    const { ino, born, offset, tail } = this.#progress;
    if (String(now.ino) !== ino) return false;
    const bornNow = bornOf(now);
    if (born !== "" && bornNow !== "" && born !== bornNow) return false;
    const before = readAt(file, Math.max(0, offset - tailBytes), Math.min(offset, tailBytes));
    return tailOf(before) === tail;
  }

  /** On the disk before anything of the new file is sent: the ids of its lines depend on it. */
  #begin(now: BigIntStats): void {
    const { origin, generation, ino, offset } = this.#progress;
    const next: Progress = { origin, generation: generation + 1, ino: String(now.ino), born: bornOf(now), offset: 0, tail: tailOf(new Uint8Array()) };
    saveProgress(this.#paths.progress, next);
    this.#progress = next;
    this.#searched = 0;
    if (ino !== "") this.#log.info({ sentBytes: offset, change: String(now.ino) === ino ? "written anew" : "replaced" }, "outbox is another file; it is read from its beginning");
  }

  #read(file: number): void {
    // One read gives both the bytes before the offset, for the tails, and the lines: they belong together.
    const base = Math.max(0, this.#progress.offset - tailBytes);
    for (let bytes = chunkBytes; ; bytes *= 2) {
      const block = readAt(file, base, bytes);
      if (tailOf(block.subarray(0, this.#progress.offset - base)) !== this.#progress.tail) return; // cut a moment ago: noticed at the next look
      this.#split(block, base);
      if (this.#ahead.length > 0 || block.length < bytes) return;
      if (bytes > maxLineBytes) {
        this.#skip(file);
        return;
      }
    }
  }

  #split(block: Uint8Array, base: number): void {
    let start = this.#progress.offset - base;
    for (let end = block.indexOf(newline, start); end >= 0 && this.#ahead.length < aheadLines; end = block.indexOf(newline, start)) {
      const bytes = block.subarray(start, end);
      const after = { ...this.#progress, offset: base + end + 1, tail: tailOf(block.subarray(0, end + 1)) };
      this.#push(bytes, base + start, after);
      start = end + 1;
    }
  }

  /** Finds the end of a line too long to be one, reading on where the last search ended. */
  #skip(file: number): void {
    const { offset } = this.#progress;
    for (let at = Math.max(offset, this.#searched); ; ) {
      const block = readAt(file, at, chunkBytes);
      const found = block.indexOf(newline);
      if (found >= 0) {
        const end = at + found + 1;
        this.#searched = 0;
        this.#push(undefined, offset, { ...this.#progress, offset: end, tail: tailOf(readAt(file, end - tailBytes, tailBytes)) });
        return;
      }
      at += block.length;
      this.#searched = at;
      if (block.length < chunkBytes) return;
    }
  }

  #push(bytes: Uint8Array | undefined, offset: number, after: Progress): void {
    this.#ahead.push({ bytes: bytes && Uint8Array.from(bytes), offset, messageId: messageId(this.#instance, this.#progress, offset), after });
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return undefined; // nobody has written yet
    throw thrown;
  }
}

/** As many of `length` bytes as there are. */
function readAt(file: number, position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let done = 0;
  for (let read = -1; read !== 0 && done < length; done += read) read = readSync(file, bytes, done, length - done, position + done);
  return bytes.subarray(0, done);
}

/** Where the file system knows no birth, Node gives the time of the last change, or nothing. */
function bornOf({ birthtimeNs, ctimeNs }: BigIntStats): string {
  return birthtimeNs > 0n && birthtimeNs !== ctimeNs ? String(birthtimeNs) : "";
}

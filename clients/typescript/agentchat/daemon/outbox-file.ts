import { createHash } from "node:crypto";
import { closeSync, fstatSync, type BigIntStats } from "node:fs";
import { openIfThere, readAt } from "./files.js";
import { quotedBytes } from "./inbox-error.js";
import type { DaemonLog } from "./log.js";
import {
  loadProgress,
  messageId,
  noProgress,
  saveProgress,
  tailBytes,
  tailOf,
  type Progress,
} from "./outbox-progress.js";
import { SentLines } from "./outbox-sent.js";
import { lineName } from "./sent-record.js";
import type { DaemonPaths } from "./instance-folder.js";

/** A complete line of the outbox that was not dealt with yet. */
export interface OutboxLine {
  /** Undefined if it is longer than {@link maxLineBytes}. */
  readonly bytes: Uint8Array | undefined;
  /** Its beginning, {@link quotedBytes} at most. */
  readonly head: Uint8Array;
  readonly offset: number;
  readonly messageId: string;
  /** Where the file stands once this line is dealt with: behind it, and behind lines after it that were sent before. */
  readonly after: Position;
}

/** The end of the outbox if it is no complete line: its writer is still writing, or has forgotten the newline. */
export type OutboxTail = Pick<OutboxLine, "head" | "offset" | "messageId"> & {
  /** Bytes of the whole file. */
  readonly size: number;
};

type Position = Pick<Progress, "offset" | "tail">;

/** No message is longer, even with escapes: a longer line is not read into memory. */
export const maxLineBytes = 512 * 1_024;
const chunkBytes = 64 * 1_024;
/** How much of an overlong line is searched for its end in one go, bytes; everything else waits for that long. */
const searchBytes = 4 * 1_024 * 1_024;
/** Lines read ahead. They are sent even if their writer deletes them afterwards. */
const aheadLines = 10;
const newline = 0x0a;

/**
 * Reads `outbox.jsonl` line by line and keeps on disk how far it has read. A line is complete when its newline is
 * there. A file that was cut or replaced, or that differs before the offset, is read from its beginning; lines in it that
 * were sent before are passed over ({@link SentLines}). The file belongs to its writers: it is never changed here.
 */
export class OutboxFile {
  readonly #paths: Pick<DaemonPaths, "outbox" | "progress">;
  readonly #instance: string;
  readonly #log: DaemonLog;
  // bound: 10 lines · evicts: a line by done() · owner: OutboxFile
  readonly #ahead: OutboxLine[] = [];
  #progress: Progress;
  /** Where the search for the end of an overlong line stopped. */
  #searched = 0;
  /** True if the search has to go on. */
  #isSearching = false;
  readonly #sent: SentLines;
  #hasSent: boolean;
  #tail: OutboxTail | undefined;

  /** Reads the record of an earlier run. @param now milliseconds since 1970 @throws Error if it is damaged */
  static open(
    paths: Pick<DaemonPaths, "outbox" | "progress">,
    instance: string,
    log: DaemonLog,
    now: () => number = Date.now,
  ): OutboxFile {
    return new OutboxFile(paths, instance, log, loadProgress(paths.progress) ?? noProgress(), now);
  }

  private constructor(
    paths: Pick<DaemonPaths, "outbox" | "progress">,
    instance: string,
    log: DaemonLog,
    progress: Progress,
    now: () => number,
  ) {
    this.#paths = paths;
    this.#instance = instance;
    this.#log = log;
    this.#progress = progress;
    this.#sent = new SentLines(`${paths.outbox}.sent`, now);
    this.#hasSent = this.#sent.load(progress.offset, progress.tail, progress.underWay?.since);
  }

  /**
   * The next complete line; the same one until it is done. Undefined if there is none yet.
   * @throws NodeJS.ErrnoException
   */
  next(): OutboxLine | undefined {
    if (this.#ahead.length === 0) this.#readAhead();
    return this.#ahead[0];
  }

  /** What was after the last complete line when {@link OutboxFile.next} found none. */
  get tail(): OutboxTail | undefined {
    return this.#tail;
  }

  /** True if {@link OutboxFile.next} found nothing only because it stopped early; there is more to read. */
  get isSearching(): boolean {
    return this.#isSearching;
  }

  /** True, once each time, if the file was written anew with nothing but lines that were dealt with before. */
  wasOverwritten(): boolean {
    return this.#sent.wasOverwritten();
  }

  /** Channels joined by lines that are done, and not left again. */
  get joined(): readonly string[] {
    return this.#progress.joined;
  }

  /**
   * What was given to {@link OutboxFile.begin} for this, the next line, by this process or one before it; undefined if
   * it was never begun.
   */
  begun({ bytes = new Uint8Array() }: OutboxLine): string | undefined {
    const { begun } = this.#progress;
    return begun?.line === hashOf(bytes) ? begun.heard : undefined;
  }

  /**
   * This, the next line, is about to be said: it is on the disk when it returns.
   * @throws NodeJS.ErrnoException; call it again then
   */
  begin({ bytes = new Uint8Array() }: OutboxLine, heard: string): void {
    this.#save({ ...this.#progress, begun: { line: hashOf(bytes), heard } });
  }

  /**
   * This, the next line, a message, is about to be sent. If it then stands elsewhere, because the file was written anew
   * while no daemon ran, it keeps its id.
   * @throws NodeJS.ErrnoException; call it again then
   */
  sending({ offset, bytes = new Uint8Array() }: OutboxLine): void {
    this.#sent.begin(offset, bytes);
  }

  /**
   * The line was sent or set aside: this is on the disk when it returns.
   * @throws NodeJS.ErrnoException; call it again then
   */
  done(line: OutboxLine, joined: readonly string[]): void {
    const { origin, generation, ino, born, seen, underWay } = this.#progress;
    const open = underWay !== undefined && underWay.id !== line.messageId && this.#sent.isLooking ? { underWay } : {};
    if (line.bytes !== undefined) this.#sent.done(line.offset, line.bytes);
    this.#save({ origin, generation, ino, born, ...(seen !== undefined && { seen }), ...line.after, joined, ...open });
    if (this.#ahead[0] === line) this.#ahead.shift();
  }

  #save(progress: Progress): void {
    saveProgress(this.#paths.progress, progress);
    this.#progress = progress;
  }

  #readAhead(): void {
    this.#tail = undefined;
    const file = openIfThere(this.#paths.outbox);
    if (file === undefined) {
      this.#isSearching = false;
      this.#sent.fileMissing();
      return;
    }
    try {
      const now = fstatSync(file, { bigint: true });
      if (!this.#isSame(file, now)) this.#begin(now);
      else if (!this.#hasSent) this.#sent.rebuild(file, this.#progress.offset);
      this.#hasSent = true;
      this.#sent.fileStays();
      this.#see(now);
      this.#isSearching = this.#sent.look(file) || (this.#searched > 0 ? this.#skip(file) : this.#read(file));
      if (this.#ahead.length === 0 && !this.#isSearching) this.#tail = this.#tailOf(file, Number(now.size));
    } finally {
      closeSync(file);
    }
  }

  #isSame(file: number, now: BigIntStats): boolean {
    const { ino, born, offset, tail, seen } = this.#progress;
    if (String(now.ino) !== ino) return false;
    const bornNow = bornOf(now);
    if (born !== "" && bornNow !== "" && born !== bornNow) return false;
    // Changed, and nothing was appended: its lines may be others.
    if (seen?.size === String(now.size) && seen.changed !== String(now.mtimeNs) && offset > 0) return false;
    const before = readAt(file, Math.max(0, offset - tailBytes), Math.min(offset, tailBytes));
    return tailOf(before) === tail && this.#sent.hasStayed(file, offset);
  }

  /** On the disk with the next line. */
  #see({ size, mtimeNs }: BigIntStats): void {
    this.#progress = { ...this.#progress, seen: { size: String(size), changed: String(mtimeNs) } };
  }

  /** Written to the disk before any line of the new file is sent: the ids of its lines depend on it. */
  #begin(now: BigIntStats): void {
    const { origin, generation, ino, offset, joined } = this.#progress;
    const open = this.#underWay();
    this.#sent.fileChanged();
    const next: Progress = {
      origin,
      generation: generation + 1,
      ino: String(now.ino),
      born: bornOf(now),
      offset: 0,
      tail: tailOf(new Uint8Array()),
      joined,
      seen: { size: String(now.size), changed: String(now.mtimeNs) },
      ...(open !== undefined && { underWay: { since: this.#sent.goneSince, ...open } }),
    };
    this.#save(next);
    this.#searched = 0;
    if (ino !== "")
      this.#log.info(
        { sentBytes: offset, change: String(now.ino) === ino ? "written anew" : "replaced" },
        "outbox is another file; it is read from its beginning, without what was sent before",
      );
  }

  /** The line that was being sent, with the id that it had. */
  #underWay(): Pick<NonNullable<Progress["underWay"]>, "name" | "id"> | undefined {
    const known = this.#sent.isLooking ? this.#progress.underWay : undefined;
    const open = this.#sent.underWay;
    if (open === undefined || open.name === known?.name) return known;
    return { name: open.name, id: messageId(this.#instance, this.#progress, open.start) };
  }

  /** @returns whether there is more to be read */
  #read(file: number): boolean {
    // One read gives both the bytes before the offset, for the tails, and the lines: they belong together.
    const base = Math.max(0, this.#progress.offset - tailBytes);
    for (let bytes = chunkBytes; ; bytes *= 2) {
      const block = readAt(file, base, bytes);
      // cut a moment ago: the next read notices it
      if (tailOf(block.subarray(0, this.#progress.offset - base)) !== this.#progress.tail) return false;
      const isToGoOn = this.#split(block, base);
      if (!this.#sent.hasStayed(file, this.#progress.offset)) {
        this.#ahead.length = 0; // written anew between the look at it and this read
        return true;
      }
      if (isToGoOn) return true;
      if (this.#ahead.length > 0 || block.length < bytes) return false;
      if (bytes > maxLineBytes) return this.#skip(file);
    }
  }

  /** @returns true if it found no line to send, and there is more to read */
  #split(block: Uint8Array, base: number): boolean {
    let start = this.#progress.offset - base;
    let end = block.indexOf(newline, start);
    let passed: Position | undefined;
    for (; end >= 0 && this.#ahead.length < aheadLines; end = block.indexOf(newline, start)) {
      if (base + end >= this.#sent.lookedTo) break; // written a moment ago
      const bytes = block.subarray(start, end);
      const after = { offset: base + end + 1, tail: tailOf(block.subarray(0, end + 1)) };
      const last = this.#ahead.pop();
      if (!this.#sent.isSent(base + start, bytes)) {
        if (last !== undefined) this.#ahead.push(last);
        this.#push(Uint8Array.from(bytes), bytes.slice(0, quotedBytes), base + start, after);
      } else if (last === undefined) passed = after;
      else this.#ahead.push({ ...last, after });
      start = end + 1;
    }
    if (passed !== undefined) this.#save({ ...this.#progress, ...passed });
    return this.#ahead.length === 0 && (passed !== undefined || end >= 0);
  }

  /**
   * Finds the end of a line too long to be one, reading on where the last search ended.
   * @returns whether there is more to be read
   */
  #skip(file: number): boolean {
    const { offset } = this.#progress;
    const from = Math.max(offset, this.#searched);
    for (let at = from; ;) {
      const block = readAt(file, at, chunkBytes);
      const found = block.indexOf(newline);
      if (found >= 0) {
        const end = at + found + 1;
        this.#searched = 0;
        this.#push(undefined, readAt(file, offset, quotedBytes), offset, {
          offset: end,
          tail: tailOf(readAt(file, end - tailBytes, tailBytes)),
        });
        return false;
      }
      at += block.length;
      this.#searched = at;
      if (block.length < chunkBytes) return false;
      if (at - from >= searchBytes) return true;
    }
  }

  #push(bytes: Uint8Array | undefined, head: Uint8Array, offset: number, after: Position): void {
    this.#ahead.push({ bytes, head, offset, messageId: this.#idOf(offset, bytes), after });
  }

  #idOf(offset: number, bytes: Uint8Array | undefined): string {
    const { underWay } = this.#progress;
    const isOpen =
      underWay !== undefined &&
      bytes !== undefined &&
      this.#sent.isLooking &&
      !this.#ahead.some((line) => line.messageId === underWay.id) &&
      lineName(bytes) === underWay.name;
    return isOpen ? underWay.id : messageId(this.#instance, this.#progress, offset);
  }

  #tailOf(file: number, size: number): OutboxTail | undefined {
    const { offset } = this.#progress;
    if (size <= offset || this.#sent.isSent(offset, readAt(file, offset, Math.min(size - offset, chunkBytes))))
      return undefined;
    const id = messageId(this.#instance, this.#progress, offset);
    return { head: readAt(file, offset, quotedBytes), offset, size, messageId: id };
  }
}

function hashOf(line: Uint8Array): string {
  return createHash("sha256").update(line).digest("base64url");
}

/** If the file system keeps no birth time, Node gives the time of the last change, or nothing. */
function bornOf({ birthtimeNs, ctimeNs }: BigIntStats): string {
  return birthtimeNs > 0n && birthtimeNs !== ctimeNs ? String(birthtimeNs) : "";
}

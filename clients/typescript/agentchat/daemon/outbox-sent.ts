import { fstatSync } from "node:fs";
import { readAt } from "./files.js";
import { isBlank } from "./outbox-line.js";
import { tailBytes, tailOf } from "./outbox-progress.js";
import { addToRecord, lineName, linesIn, readRecord, shortened, writeRecord, type Entry } from "./sent-record.js";

/**
 * How long a line that was sent and has gone from the outbox is known again when it comes back, milliseconds: the
 * writer that writes the file anew may empty or remove it first.
 */
export const momentMs = 5_000;
/** How much is looked at in one go, bytes; everything else waits for that long. */
const lookBytes = 4 * 1_024 * 1_024;

/** A line that is being sent: perhaps the server has it already. */
export interface UnderWay {
  readonly start: number;
  /** {@link lineName} */
  readonly name: string;
}

/**
 * The lines of the outbox that were sent or set aside (AgentChat §9.7), kept on disk, so that they are known again when
 * their writer writes the whole file anew. As many equal lines are known as were dealt with: one more is a new line.
 */
export class SentLines {
  readonly #path: string;
  readonly #now: () => number;
  /** Lines that have gone, and when, the last at the end, by {@link lineName}. */
  // bound: lines of the outbox, which is its writer's · evicts: all after momentMs · owner: SentLines
  readonly #gone = new Map<string, number[]>();
  /** Lines of the present file that were found again, by their offsets. */
  // bound: lines of the outbox, which is its writer's · evicts: all with the file · owner: SentLines
  readonly #found = new Map<number, string>();
  #goneSince = 0;
  /** Where the next line to be looked at begins. */
  #looked = 0;
  /** {@link markOf} the bytes before that. */
  #mark = markOf(new Uint8Array());
  // bound: lines of one look · evicts: all once they are in the record · owner: SentLines
  readonly #unsaved: Entry[] = [];
  #isWithinLong = false;
  #phase: "settled" | "looking" = "settled";
  #missingSince: number | undefined;
  #wasOverwritten = false;
  #lastDone = -1;
  /** The line that was being sent when an earlier process ended, or that is being sent now. */
  #underWay: UnderWay | undefined;

  /** @param now milliseconds since 1970 */
  constructor(path: string, now: () => number = Date.now) {
    this.#path = path;
    this.#now = now;
  }

  /**
   * Reads the record of an earlier process.
   * @param offset how far that had come
   * @param tail `tailOf` the bytes before the offset
   * @param openSince when the file was written anew while a line was being sent that was not dealt with yet
   * @returns false if there is none
   * @throws NodeJS.ErrnoException
   */
  load(offset: number, tail: string, openSince?: number): boolean {
    const entries = readRecord(this.#path);
    if (entries === undefined) return false;
    const kept = entries.filter(([kind, at]) => (kind === "+" ? at < offset : kind !== "!" || at >= offset));
    if (kept.length < entries.length) writeRecord(this.#path, kept); // not done for sure: dealt with again
    this.#looked = offset;
    this.#mark = shortened(tail);
    for (const [kind, at, name] of kept) {
      if (kind === "?") this.#lose(name, at);
      else if (kind === "=") this.#find(name, at);
      else if (kind === "!") this.#underWay = { start: at, name };
      else if (kind === "~" && at > offset) [this.#looked, this.#mark] = [at, name];
    }
    this.#goneSince = Math.max(this.#goneSince, openSince ?? 0);
    this.#phase = this.#gone.size > 0 || openSince !== undefined ? "looking" : "settled";
    return true;
  }

  /** Begins the record with the lines before the offset. @throws NodeJS.ErrnoException */
  rebuild(file: number, offset: number): void {
    const entries: Entry[] = [];
    for (const { start, bytes } of linesIn(readAt(file, 0, offset), 0))
      if (!isBlank(bytes)) entries.push(["+", start, lineName(bytes)]);
    writeRecord(this.#path, entries);
  }

  /** The line at this offset is about to be sent. @throws NodeJS.ErrnoException; call it again then */
  begin(start: number, bytes: Uint8Array): void {
    if (this.#underWay?.start === start) return;
    const name = lineName(bytes);
    addToRecord(this.#path, [["!", start, name]]);
    this.#underWay = { start, name };
  }

  /** The line that was being sent, and may stand elsewhere in a file that is written anew. */
  get underWay(): UnderWay | undefined {
    return this.#underWay;
  }

  /** When the file was written anew last, or lines have gone. */
  get goneSince(): number {
    return this.#goneSince;
  }

  /** True while lines that have gone may come back. */
  get isLooking(): boolean {
    return this.#phase === "looking";
  }

  /** The line at this offset is dealt with. @throws NodeJS.ErrnoException; call it again then */
  done(start: number, bytes: Uint8Array): void {
    if (isBlank(bytes) || start === this.#lastDone) return;
    addToRecord(this.#path, [["+", start, lineName(bytes)]]);
    this.#lastDone = start;
    this.#underWay = undefined;
  }

  /** The file is another one, or is written anew: its lines have to be found again. @throws NodeJS.ErrnoException */
  fileChanged(): void {
    const hasOpen = this.#underWay !== undefined;
    this.#renew(this.#missingSince ?? this.#now());
    this.#missingSince = undefined;
    this.#phase = this.#gone.size > 0 || hasOpen ? "looking" : "settled";
  }

  /** The file is there, and no other one. */
  fileStays(): void {
    this.#missingSince = undefined;
  }

  /** There is no file. */
  fileMissing(): void {
    this.#missingSince ??= this.#now();
  }

  /**
   * Looks for lines that were sent, from where it stopped to the end of the file, for as long as some may come back.
   * @returns whether there is more to look at
   * @throws NodeJS.ErrnoException
   */
  look(file: number): boolean {
    if (this.#phase !== "looking") return false;
    const start = this.#looked;
    const base = Math.max(0, start - tailBytes);
    const block = readAt(file, base, start - base + lookBytes);
    if (markOf(block.subarray(0, start - base)) !== this.#mark) return true; // written anew a moment ago
    const isLast = block.length < start - base + lookBytes;
    // However late it is read: what stands there stood there at its last change.
    const stoodAt = Math.min(this.#now(), fstatSync(file).mtimeMs);
    let unknown = 0;
    let end = start;
    for (const line of linesIn(block.subarray(start - base), start)) {
      end = line.start + line.bytes.length + 1;
      if (!this.#isWithinLong && !isBlank(line.bytes) && !this.#recognise(line.start, line.bytes, stoodAt))
        unknown += 1;
      this.#isWithinLong = false;
    }
    if (end === start && !isLast) {
      end = base + block.length;
      this.#isWithinLong = true; // too long to be a message
    }
    const tail = block.subarray(end - base);
    if (isLast && !isBlank(tail) && !this.#isWithinLong) this.#recognise(end, tail, stoodAt); // its newline is missing
    this.#looked = end;
    this.#mark = markOf(block.subarray(0, end - base));
    this.#wasOverwritten ||= this.#unsaved.length > 0 && unknown === 0;
    this.#saveFound();
    if (isLast && !this.#isMomentAgo(this.#goneSince)) this.#settle();
    return !isLast;
  }

  /** False if the file is another one before where it was looked at: what was found there is not there any more. */
  hasStayed(file: number, offset: number): boolean {
    if (this.#looked <= offset) return true;
    const base = Math.max(0, this.#looked - tailBytes);
    return markOf(readAt(file, base, this.#looked - base)) === this.#mark;
  }

  /** Lines from here on were not looked at yet: they must not be sent. */
  get lookedTo(): number {
    return this.#phase === "looking" ? this.#looked : Infinity;
  }

  /** True if the line at this offset was dealt with in an earlier version of the file. */
  isSent(start: number, bytes: Uint8Array): boolean {
    const name = this.#found.get(start);
    return name !== undefined && name === lineName(bytes);
  }

  /** True, once for each time, if the file was written anew with nothing but lines that were sent before. */
  wasOverwritten(): boolean {
    const was = this.#wasOverwritten;
    this.#wasOverwritten = false;
    return was;
  }

  /** @returns whether it was sent, and not gone for longer than a moment at `stoodAt` */
  #recognise(start: number, bytes: Uint8Array, stoodAt: number): boolean {
    const name = lineName(bytes);
    if (this.#found.get(start) === name) return true;
    const goneAt = this.#gone.get(name)?.at(-1);
    if (goneAt === undefined || stoodAt - goneAt > momentMs || goneAt - this.#now() > momentMs) return false;
    this.#unsaved.push(["=", start, name]);
    this.#find(name, start);
    return true;
  }

  #saveFound(): void {
    if (this.#unsaved.length === 0) return;
    addToRecord(this.#path, [...this.#unsaved, ["~", this.#looked, this.#mark]]);
    this.#unsaved.length = 0;
  }

  #find(name: string, start: number): void {
    this.#found.set(start, name);
    const times = this.#gone.get(name);
    times?.pop();
    if (times?.length === 0) this.#gone.delete(name);
  }

  #lose(name: string, at: number): void {
    addTo(this.#gone, name, at);
    this.#goneSince = Math.max(this.#goneSince, at);
  }

  /** False for a time to come, too: the clock was set back, and nobody knows how long ago it was. */
  #isMomentAgo(at: number): boolean {
    return Math.abs(this.#now() - at) <= momentMs;
  }

  #settle(): void {
    this.#gone.clear();
    this.#phase = "settled";
  }

  /** What stood in the file is gone since `goneAt`, what was gone before since then. */
  #renew(goneAt: number): void {
    const before = new Map<string, number[]>();
    const standing: Entry[] = [];
    for (const [kind, at, name] of readRecord(this.#path) ?? []) {
      if (kind === "=") before.get(name)?.pop();
      if (kind === "?") addTo(before, name, at);
      else if (kind !== "~" && kind !== "!") standing.push(["?", goneAt, name]);
    }
    const earlier = [...before].flatMap(([name, times]) => times.map((at): Entry => ["?", at, name]));
    const gone = [...earlier, ...standing].filter(([, at]) => this.#isMomentAgo(at)); // the oldest first
    writeRecord(this.#path, gone);
    this.#gone.clear();
    this.#found.clear();
    this.#goneSince = goneAt;
    this.#underWay = undefined;
    for (const [, at, name] of gone) this.#lose(name, at);
    this.#looked = 0;
    this.#mark = markOf(new Uint8Array());
    this.#unsaved.length = 0;
    this.#isWithinLong = false;
    this.#lastDone = -1;
  }
}

function addTo(times: Map<string, number[]>, name: string, at: number): void {
  const known = times.get(name);
  if (known === undefined) times.set(name, [at]);
  else known.push(at);
}

/** Stands for the bytes before an offset, as many as {@link tailOf} takes. */
function markOf(before: Uint8Array): string {
  return shortened(tailOf(before));
}

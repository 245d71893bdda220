import { rmSync, statSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { fileFailure } from "./errors.js";
import { appendLines, bytesIfThere, emptyFile, readIfThere, replaceFile } from "./files.js";
import { mendInbox, notYetAppended } from "./inbox-recovery.js";
import type { DaemonLog } from "./log.js";

/** Lines in the inbox at most (AgentChat §9.1). */
export const inboxLines = 1_000;
/** Pause after a failed write, milliseconds. */
const retryMs = 1_000;
/**
 * How long the file stays as it is before it is cut, and below its old size afterwards, milliseconds: a follower that
 * looks once a second, as `tail` does where it gets no events, has read all of it and sees that it was cut.
 */
export const quietMs = 1_300;

/** Where the lines before the last cut are, and those that wait for the next one. */
export function besideInbox(inbox: string): { readonly older: string; readonly gathered: string } {
  return { older: `${inbox}.1`, gathered: `${inbox}.gathered` };
}

/**
 * `inbox.jsonl`: what was heard, at most 1,000 lines (AgentChat §9.5). It is only appended to, until it is full. Then
 * it is copied to `inbox.jsonl.1`, emptied in place and begun anew, so that whoever follows it by its name or as an
 * open file gets each line once. What is heard shortly before is gathered on the disk, in `inbox.jsonl.gathered`. Its
 * reader may empty or replace it. What cannot be written for now is kept, up to the same 1,000 lines.
 */
export class Inbox {
  readonly #path: string;
  readonly #older: string;
  readonly #gatheredPath: string;
  readonly #log: DaemonLog;
  // bound: 1,000 · evicts: the oldest; all once they are written · owner: Inbox
  readonly #waiting: string[] = [];
  // bound: 1,000 · evicts: all once they are in the file · owner: Inbox
  readonly #gathered: string[] = [];
  /** When what is gathered goes into the file. */
  #dueAt = 0;
  /** After a cut: until then the file stays smaller than it was. */
  #cut: { readonly below: number; readonly until: number } | undefined;
  /** The file as this left it; anything else is counted anew. */
  #known: { readonly size: number; readonly ino: number; readonly lines: number } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #phase: "new" | "open" = "new";
  #failing = false;
  #olderFailing = false;
  readonly #now: () => number;

  /** @param now milliseconds of a clock that never goes back */
  constructor(path: string, log: DaemonLog, now: () => number = () => performance.now()) {
    this.#path = path;
    this.#older = besideInbox(path).older;
    this.#gatheredPath = besideInbox(path).gathered;
    this.#log = log;
    this.#now = now;
  }

  /** Finishes what an earlier process could not. What fails is tried again. */
  open(): void {
    this.#flush();
  }

  /** Adds an event; it is on the disk at once, and in the file at once or after {@link quietMs}. */
  add(event: Readonly<Record<string, unknown>>): void {
    this.#waiting.push(JSON.stringify(event));
    if (this.#waiting.length > inboxLines) this.#waiting.shift();
    if (this.#waiting.length > 1 && this.#timer !== undefined) return; // it is written with the first, or tried again
    this.#wakeIn(this.#failing ? retryMs : 0);
  }

  /** What was heard, from before the last cut to what waits. @throws NodeJS.ErrnoException */
  lines(): readonly string[] {
    const files = [this.#older, this.#path, this.#gatheredPath].map((path) => readIfThere(path) ?? "");
    return [...files.flatMap((text) => text.split("\n")), ...this.#waiting];
  }

  /** Writes what waits to the disk, now; what cannot be written waits on. */
  flush(): void {
    if (this.#waiting.length > 0) this.#flush();
  }

  /** Done when nothing is gathered any more, or when that cannot be written; a few seconds at most. */
  async settled(): Promise<void> {
    this.flush();
    while (this.#gathered.length > 0 && !this.#failing) {
      await wait(Math.max(1, this.#dueAt - this.#now()));
      this.#flush();
    }
  }

  /** Writes what waits, for the last time; what is gathered stays on the disk for the next process. */
  close(): void {
    if (this.#waiting.length > 0 || this.#gathered.length > 0) this.#flush();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length > 0)
      this.#log.warn({ count: this.#waiting.length }, "messages could not be written to the inbox");
  }

  #wakeIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#flush();
    }, ms);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      if (this.#phase === "new") this.#recover();
      this.#write();
      if (this.#failing) this.#log.info({}, "inbox is written again");
      this.#failing = false;
      if (this.#gathered.length > 0) this.#wakeIn(Math.max(0, this.#dueAt - this.#now()));
    } catch (thrown) {
      this.#known = undefined;
      if (!this.#failing) this.#log.warn(fileFailure(thrown), "inbox cannot be written; what is heard waits");
      this.#failing = true;
      this.#wakeIn(retryMs);
    }
  }

  #recover(): void {
    const gathered = bytesIfThere(this.#gatheredPath);
    if (gathered !== undefined) {
      const { lines, begun } = notYetAppended(bytesIfThere(this.#path) ?? Buffer.alloc(0), gathered);
      if (begun) {
        if (lines.length > 0) appendLines(this.#path, lines, { afterHalfLine: "goes on" });
        rmSync(this.#gatheredPath, { force: true });
      } else {
        const kept = lines.slice(-inboxLines);
        replaceFile(this.#gatheredPath, kept.map((line) => `${line}\n`).join("")); // without half a line
        this.#gathered.splice(0, this.#gathered.length, ...kept);
        this.#dueAt = this.#now() + quietMs;
      }
    }
    mendInbox(this.#path);
    const older = statSync(this.#older, { throwIfNoEntry: false });
    // The process before this one has perhaps cut the file a moment ago.
    if (older?.isFile() === true && Math.abs(Date.now() - older.mtimeMs) < quietMs)
      this.#cut = { below: older.size, until: this.#now() + quietMs };
    this.#lineCount();
    this.#phase = "open";
  }

  #write(): void {
    while (this.#waiting.length > 0 && !this.#append()) {
      this.#gather();
      if (this.#gathered.length === inboxLines) this.#move();
    }
    if (this.#gathered.length > 0 && this.#now() >= this.#dueAt) this.#move();
  }

  /** @returns false if the file has no room, or has to stay as it is for now */
  #append(): boolean {
    if (this.#gathered.length > 0) return false;
    const lines = this.#lineCount() + this.#waiting.length;
    if (lines > inboxLines || !this.#staysSmall(this.#waiting)) return false;
    appendLines(this.#path, this.#waiting);
    this.#waiting.length = 0;
    this.#know(lines);
    return true;
  }

  #gather(): void {
    if (this.#gathered.length === 0) this.#dueAt = this.#now() + quietMs;
    const some = this.#waiting.slice(0, inboxLines - this.#gathered.length);
    appendLines(this.#gatheredPath, some);
    this.#gathered.push(...some);
    this.#waiting.splice(0, some.length);
  }

  #move(): void {
    if (this.#lineCount() + this.#gathered.length > inboxLines) this.#begin();
    if (!this.#staysSmall(this.#gathered) && this.#cut !== undefined && this.#gathered.length < inboxLines) {
      this.#dueAt = this.#cut.until;
      return;
    }
    const lines = this.#lineCount() + this.#gathered.length;
    appendLines(this.#path, this.#gathered);
    rmSync(this.#gatheredPath, { force: true });
    this.#gathered.length = 0;
    this.#know(lines);
  }

  /** Begins the file anew: what is in it is kept beside it, and it is emptied in place. */
  #begin(): void {
    try {
      replaceFile(this.#older, bytesIfThere(this.#path) ?? "");
      this.#olderFailing = false;
    } catch (thrown) {
      // The oldest lines have to go in any case.
      if (!this.#olderFailing)
        this.#log.warn(fileFailure(thrown), "the older half of the inbox cannot be kept in inbox.jsonl.1");
      this.#olderFailing = true;
    }
    this.#cut = { below: emptyFile(this.#path), until: this.#now() + quietMs };
    this.#know(0);
  }

  /** False if a follower could miss the last cut: the file would be as big as before, too soon. */
  #staysSmall(lines: readonly string[]): boolean {
    if (this.#cut === undefined || this.#now() >= this.#cut.until) return true;
    const more = lines.reduce((bytes, line) => bytes + Buffer.byteLength(line) + 1, 0);
    return (this.#known?.size ?? 0) + more < this.#cut.below;
  }

  #lineCount(): number {
    const now = statSync(this.#path, { throwIfNoEntry: false });
    if (now === undefined) return 0;
    if (now.size !== this.#known?.size || now.ino !== this.#known.ino)
      this.#know((readIfThere(this.#path) ?? "").split("\n").length - 1);
    return this.#known?.lines ?? 0;
  }

  #know(lines: number): void {
    const { size, ino } = statSync(this.#path);
    this.#known = { size, ino, lines };
  }
}

import { statSync } from "node:fs";
import { fileFailure } from "./errors.js";
import { appendLines, bytesIfThere, readIfThere, replaceFile } from "./files.js";
import type { DaemonLog } from "./log.js";

/** Lines in the inbox at most (AgentChat §9.1). */
export const inboxLines = 1_000;
/** Pause after a failed write, milliseconds. */
const retryMs = 1_000;
/**
 * After the file was replaced, messages are gathered for this many times as long as the replacement took: a full inbox
 * of long lines has tens of megabytes, and everything else waits while it is written.
 */
const restPerCost = 4;
const newline = 0x0a;

/**
 * `inbox.jsonl`: what was heard, the last 1,000 lines of it. Below that it is appended to, at it the file is replaced
 * in one step, so that a reader never sees half of it. Its reader may empty or replace it. What cannot be written for
 * now is kept, up to the same 1,000 lines.
 */
export class Inbox {
  readonly #path: string;
  readonly #log: DaemonLog;
  // bound: 1,000 · evicts: the oldest; all once they are written · owner: Inbox
  readonly #waiting: string[] = [];
  /** The file as this left it; anything else is counted anew. */
  #known: { readonly size: number; readonly ino: number; readonly lines: number } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failing = false;
  readonly #now: () => number;
  /** Until then nothing is written unless it must be. */
  #restsUntil = 0;

  /** @param now milliseconds of a clock that never goes back */
  constructor(path: string, log: DaemonLog, now: () => number = () => performance.now()) {
    this.#path = path;
    this.#log = log;
    this.#now = now;
  }

  /** Adds an event; it is in the file shortly: at once, or with what else is heard while a big file rests. */
  add(event: Readonly<Record<string, unknown>>): void {
    this.#waiting.push(JSON.stringify(event));
    if (this.#waiting.length > inboxLines) this.#waiting.shift();
    this.#timer ??= setTimeout(
      () => {
        this.#flush();
      },
      Math.max(0, this.#restsUntil - this.#now()),
    );
  }

  /** Its lines, those that wait to be written among them. @throws NodeJS.ErrnoException */
  lines(): readonly string[] {
    return [...(readIfThere(this.#path) ?? "").split("\n"), ...this.#waiting];
  }

  /** Writes what waits, now; what cannot be written waits on. */
  flush(): void {
    if (this.#waiting.length > 0) this.#flush();
  }

  /** Writes what waits, for the last time. */
  close(): void {
    this.flush();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length > 0)
      this.#log.warn({ count: this.#waiting.length }, "messages could not be written to the inbox");
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      this.#write();
      this.#waiting.length = 0;
      if (this.#failing) this.#log.info({}, "inbox is written again");
      this.#failing = false;
    } catch (thrown) {
      this.#known = undefined;
      if (!this.#failing) this.#log.warn(fileFailure(thrown), "inbox cannot be written; what is heard waits");
      this.#failing = true;
      this.#timer = setTimeout(() => {
        this.#flush();
      }, retryMs);
    }
  }

  #write(): void {
    const lines = this.#countIfUnchanged();
    if (lines !== undefined && lines + this.#waiting.length <= inboxLines) {
      appendLines(this.#path, this.#waiting);
      this.#know(lines + this.#waiting.length);
      return;
    }
    const since = this.#now();
    const kept = lastLines(bytesIfThere(this.#path) ?? Buffer.alloc(0), inboxLines - this.#waiting.length);
    replaceFile(this.#path, Buffer.concat([kept.bytes, Buffer.from(`${this.#waiting.join("\n")}\n`)]));
    this.#know(kept.lines + this.#waiting.length);
    const now = this.#now();
    this.#restsUntil = now + restPerCost * (now - since);
  }

  #countIfUnchanged(): number | undefined {
    const now = statSync(this.#path, { throwIfNoEntry: false });
    return now !== undefined && now.size === this.#known?.size && now.ino === this.#known.ino
      ? this.#known.lines
      : undefined;
  }

  #know(lines: number): void {
    const { size, ino } = statSync(this.#path);
    this.#known = { size, ino, lines };
  }
}

/** At most so many whole lines from the end. Half a line there was never read by anybody: a write that failed. */
function lastLines(bytes: Buffer, most: number): { readonly bytes: Buffer; readonly lines: number } {
  const end = bytes.lastIndexOf(newline) + 1;
  let start = end;
  let lines = 0;
  for (; lines < most && start > 0; lines += 1) start = start === 1 ? 0 : bytes.lastIndexOf(newline, start - 2) + 1;
  return { bytes: bytes.subarray(start, end), lines };
}

/** Bytes of an outbox line that are told with what is wrong with it. */
export const quotedBytes = 1_024;

/** What went wrong, for whoever reads the inbox and nothing else. */
export interface InboxError {
  readonly [field: string]: unknown;
  readonly type: "ERROR";
  /** Milliseconds since 1970. */
  readonly ts: number;
  readonly code: string;
  /** What is wrong and how to mend it. */
  readonly message: string;
  /** The outbox line that it is about, cut at {@link quotedBytes}. */
  readonly line?: string;
}

/** Makes one, now. */
export function inboxError(code: string, message: string, line?: Uint8Array): InboxError {
  return { type: "ERROR", ts: Date.now(), code, message, ...(line !== undefined && { line: cut(line) }) };
}

/** `stream` leaves out a character that is cut in two. */
function cut(line: Uint8Array): string {
  return new TextDecoder().decode(line.subarray(0, quotedBytes), { stream: line.length >= quotedBytes });
}

import { closeSync, fstatSync } from "node:fs";
import { z } from "zod";
import { bytesIfThere, openIfThere, readAt, readIfThere, replaceFile } from "./files.js";
import { besideInbox, inboxLines } from "./inbox.js";
import { tailBytes, tailOf } from "./outbox-progress.js";

const record = z.object({
  /** Bytes of the inbox that were read. */
  offset: z.int().nonnegative(),
  /** `tailOf` the bytes before the offset: by it the place is found again in `inbox.jsonl.1` after a cut. */
  tail: z.string(),
  /** Which `inbox.jsonl.1` that was; "" if there was none. */
  older: z.string(),
});

/** How far a reader has come in an inbox. */
export type InboxPosition = Readonly<z.infer<typeof record>>;

/** What is new in an inbox. */
export interface NewLines {
  readonly lines: readonly string[];
  /** Where to go on. */
  readonly position: InboxPosition;
  /** True if lines between the position and these are gone: there were more than 2,000, or somebody removed them. */
  readonly missed: boolean;
}

const newline = 0x0a;
/** Lines that a first look gives at most. */
const firstMax = inboxLines;

/** Reads a position; undefined if there is none, or what is there is none. @throws NodeJS.ErrnoException */
export function loadPosition(path: string): InboxPosition | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  try {
    return record.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // no JSON: read from the beginning
  }
}

/** Keeps a position on the disk. @throws NodeJS.ErrnoException */
export function savePosition(path: string, position: InboxPosition): void {
  replaceFile(path, `${JSON.stringify(position)}\n`);
}

/**
 * The whole lines of an inbox behind a position, each once, also if the inbox was cut since (AgentChat §9.5); without
 * one, what is there, the last 1,000 lines.
 * @throws NodeJS.ErrnoException
 */
export function readNewLines(inbox: string, position: InboxPosition | undefined): NewLines {
  // Read before the older file: what a cut moves there meanwhile is found there.
  const more = position === undefined ? undefined : readBehind(inbox, position);
  if (more !== undefined && position !== undefined) return newLines(more.bytes, more.before, position.offset, position);
  const now = bytesIfThere(inbox) ?? Buffer.alloc(0);
  const older = readOlder(besideInbox(inbox).older, position?.older);
  const known = position ?? { offset: 0, tail: "", older: "" };
  const isCopied = now.length > 0 && older.bytes.subarray(0, now.length).equals(now);
  const parts = isCopied ? [older.bytes] : [older.bytes, now];
  const last = parts.at(-1) ?? now;
  const next: InboxPosition = { ...known, older: older.id };
  if (position === undefined) {
    const all = newLines(last, Buffer.alloc(0), 0, next);
    const before = isCopied ? [] : linesOf(older.bytes);
    return { ...all, lines: [...before, ...all.lines].slice(-firstMax) };
  }
  const isRead = older.id === known.older;
  const found = !isRead && isAt(older.bytes, known);
  const rest = isCopied ? [] : linesOf(older.bytes.subarray(found ? known.offset : 0));
  const from = isCopied && found ? known.offset : 0;
  const all = newLines(last.subarray(from), last.subarray(0, from), from, next);
  return { ...all, lines: [...rest, ...all.lines], missed: !found && !isRead && known.offset > 0 };
}

/** What is behind the position in the inbox; undefined if the inbox is another one now. */
function readBehind(
  inbox: string,
  { offset, tail }: InboxPosition,
): { readonly before: Buffer; readonly bytes: Buffer } | undefined {
  const file = openIfThere(inbox);
  if (file === undefined) return undefined;
  try {
    const start = Math.max(0, offset - tailBytes);
    const { size } = fstatSync(file);
    if (size < offset || offset === 0) return undefined;
    const bytes = Buffer.from(readAt(file, start, size - start));
    const before = bytes.subarray(0, offset - start);
    return tailOf(before) === tail ? { before, bytes: bytes.subarray(offset - start) } : undefined;
  } finally {
    closeSync(file);
  }
}

/** @param before the bytes before these, as many as a tail has */
function newLines(bytes: Buffer, before: Buffer, offset: number, position: InboxPosition): NewLines {
  const end = bytes.lastIndexOf(newline) + 1;
  const tail = tailOf(Buffer.concat([before, bytes.subarray(0, end)]));
  return { lines: linesOf(bytes), position: { ...position, offset: offset + end, tail }, missed: false };
}

function isAt(bytes: Buffer, { offset, tail }: InboxPosition): boolean {
  return bytes.length >= offset && (offset === 0 || tailOf(bytes.subarray(0, offset)) === tail);
}

function linesOf(bytes: Buffer): readonly string[] {
  return bytes
    .subarray(0, bytes.lastIndexOf(newline) + 1)
    .toString("utf8")
    .split("\n")
    .filter((line) => line.trim() !== "");
}

/** @param read which one was read before: of it nothing is new */
function readOlder(path: string, read: string | undefined): { readonly bytes: Buffer; readonly id: string } {
  const file = openIfThere(path);
  if (file === undefined) return { bytes: Buffer.alloc(0), id: "" };
  try {
    const { ino, size, mtimeNs } = fstatSync(file, { bigint: true });
    const id = `${ino}:${size}:${mtimeNs}`;
    return { bytes: id === read ? Buffer.alloc(0) : Buffer.from(readAt(file, 0, Number(size))), id };
  } finally {
    closeSync(file);
  }
}

import { createHash } from "node:crypto";
import { appendLines, readIfThere, replaceFile } from "./files.js";

const newline = 0x0a;
const nameLength = 16;

/**
 * An entry of the record: a line that was sent, at this offset; one that is being sent there; one that was found again
 * there; one that is gone since this time; how far was looked, and what is before that.
 */
export type Entry = readonly [kind: "+" | "!" | "=" | "?" | "~", at: number, name: string];

/** Reads a record; undefined if there is none. @throws NodeJS.ErrnoException */
export function readRecord(path: string): readonly Entry[] | undefined {
  const text = readIfThere(path);
  return text?.split("\n").flatMap((line): Entry[] => {
    const [, kind, at, name] = /^([+!=?~])(\d+) ([\w-]{16})$/.exec(line) ?? [];
    if (at === undefined || name === undefined) return []; // half a line, of a process that was killed
    return [[kind === "+" || kind === "!" || kind === "=" || kind === "~" ? kind : "?", Number(at), name]];
  });
}

/** Replaces a record. @throws NodeJS.ErrnoException */
export function writeRecord(path: string, entries: readonly Entry[]): void {
  replaceFile(path, entries.map((entry) => `${textOf(entry)}\n`).join(""));
}

/** Adds to a record. @throws NodeJS.ErrnoException */
export function addToRecord(path: string, entries: readonly Entry[]): void {
  appendLines(path, entries.map(textOf));
}

function textOf([kind, at, name]: Entry): string {
  return `${kind}${at} ${name}`;
}

/** Stands for what a line says: the same if it is written with other white space, or its fields in another order. */
export function lineName(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes).trim();
  return shortened(createHash("sha256").update(meaningOf(text)).digest("base64url"));
}

/** As much of a hash as the record holds. */
export function shortened(hash: string): string {
  return hash.slice(0, nameLength);
}

function meaningOf(text: string): string {
  try {
    const read: unknown = JSON.parse(text);
    if (typeof read !== "object" || read === null) return text;
    return JSON.stringify(Object.entries(read).sort(([one], [other]) => (one < other ? -1 : 1)));
  } catch {
    return text; // no JSON: it was set aside
  }
}

/** The whole lines of a block that begins at an offset. */
export function* linesIn(
  block: Uint8Array,
  offset: number,
): Generator<{ readonly start: number; readonly bytes: Uint8Array }> {
  let start = 0;
  for (let end = block.indexOf(newline); end >= 0; end = block.indexOf(newline, start)) {
    yield { start: offset + start, bytes: block.subarray(start, end) };
    start = end + 1;
  }
}

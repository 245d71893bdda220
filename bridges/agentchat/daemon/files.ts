import { closeSync, fstatSync, fsyncSync, openSync, readFileSync, readSync, renameSync, statSync, writeSync } from "node:fs";

/** Replaces a file: whoever reads it, and whoever comes after a crash, finds the old text or the new one. @throws NodeJS.ErrnoException */
export function replaceFile(path: string, text: string): void {
  const next = `${path}.next`;
  const file = openSync(next, "w", 0o600);
  try {
    writeAll(file, Buffer.from(text));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(next, path);
}

/** Appends whole lines; a half line left by an earlier failure is ended first. @throws NodeJS.ErrnoException */
export function appendLines(path: string, lines: readonly string[]): void {
  const file = openSync(path, "a+", 0o600);
  try {
    const text = lines.map((line) => `${line}\n`).join("");
    writeAll(file, Buffer.from(endsWithinLine(file) ? `\n${text}` : text));
  } finally {
    closeSync(file);
  }
}

/** The text of a file; undefined if there is none. @throws NodeJS.ErrnoException */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
}

/** Bytes in a file; 0 if there is none. @throws NodeJS.ErrnoException */
export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** `ENOSPC`, `EACCES` …; undefined for what is no system error. */
export function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : undefined;
}

function writeAll(file: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
}

/** A write that found the disk full leaves half a line behind. */
function endsWithinLine(file: number): boolean {
  const { size } = fstatSync(file);
  const last = Buffer.alloc(1);
  return size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
}

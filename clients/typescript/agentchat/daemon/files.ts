import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";

/**
 * Replaces a file: whoever reads it, and whoever comes after a crash, finds the old text or the new one. Where it fails
 * nothing new is left, which would keep a full disk full.
 * @throws NodeJS.ErrnoException
 */
export function replaceFile(path: string, text: string | Uint8Array): void {
  const next = `${path}.next`;
  const file = openRegular(next, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC);
  try {
    try {
      writeAll(file, typeof text === "string" ? Buffer.from(text) : text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(next, path);
  } catch (thrown) {
    rmSync(next, { force: true });
    throw naming(path, thrown);
  }
}

/**
 * Appends whole lines, all or none. A half line that somebody has left is ended first, unless the first of these is the
 * rest of it.
 * @throws NodeJS.ErrnoException
 */
export function appendLines(
  path: string,
  lines: readonly string[],
  { afterHalfLine = "ended" }: { readonly afterHalfLine?: "ended" | "goes on" } = {},
): void {
  const file = openRegular(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT);
  const { size } = fstatSync(file);
  try {
    const text = lines.map((line) => `${line}\n`).join("");
    const mustEnd = afterHalfLine === "ended" && endsWithinLine(file, size);
    writeAll(file, Buffer.from(mustEnd ? `\n${text}` : text));
  } catch (thrown) {
    takeBack(file, size);
    throw naming(path, thrown);
  } finally {
    closeSync(file);
  }
}

/**
 * Writes a text over the end of a file, from an offset on; it must not be shorter than what is there.
 * @throws NodeJS.ErrnoException
 */
export function overwriteEnd(path: string, offset: number, text: string): void {
  const file = openRegular(path, constants.O_WRONLY);
  try {
    const bytes = Buffer.from(text);
    for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done, bytes.length - done, offset + done);
  } finally {
    closeSync(file);
  }
}

/** Empties a file in place. @returns the bytes that it had @throws NodeJS.ErrnoException */
export function emptyFile(path: string): number {
  const file = openRegular(path, constants.O_WRONLY | constants.O_CREAT);
  try {
    const { size } = fstatSync(file);
    ftruncateSync(file, 0);
    return size;
  } finally {
    closeSync(file);
  }
}

/** Up to `length` bytes, as many as there are. @throws NodeJS.ErrnoException */
export function readAt(file: number, position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let done = 0;
  for (let read = -1; read !== 0 && done < length; done += read)
    read = readSync(file, bytes, done, length - done, position + done);
  return bytes.subarray(0, done);
}

/** The text of a file; undefined if there is none. @throws NodeJS.ErrnoException */
export function readIfThere(path: string): string | undefined {
  return bytesIfThere(path)?.toString("utf8");
}

/** The bytes of a file; undefined if there is none. @throws NodeJS.ErrnoException */
export function bytesIfThere(path: string): Buffer | undefined {
  const file = openIfThere(path);
  if (file === undefined) return undefined;
  try {
    return readFileSync(file);
  } catch (thrown) {
    throw naming(path, thrown);
  } finally {
    closeSync(file);
  }
}

/** Opens a file for reading; undefined if there is none. @throws NodeJS.ErrnoException */
export function openIfThere(path: string): number | undefined {
  try {
    return openRegular(path, constants.O_RDONLY);
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
}

/** Makes an empty file, for its owner only; what is there stays. @throws NodeJS.ErrnoException */
export function makeIfMissing(path: string): void {
  closeSync(openRegular(path, constants.O_WRONLY | constants.O_CREAT));
}

/**
 * Opens a file, made for its owner only where the flags make it. A pipe in its place is not waited for: that would stop
 * the whole process.
 * @throws NodeJS.ErrnoException; `NO_REGULAR_FILE`, with the path and the remedy
 */
function openRegular(path: string, flags: number): number {
  let file: number;
  try {
    file = openSync(path, flags | constants.O_NONBLOCK, 0o600); // undefined on Windows, which is 0
  } catch (thrown) {
    // a pipe that nobody reads, a socket
    throw codeOf(thrown) === "ENXIO" ? noRegularFile(path) : thrown;
  }
  const stat = fstatSync(file);
  if (!stat.isFIFO() && !stat.isSocket()) return file; // of a folder, or a device that is full, the system tells
  closeSync(file);
  throw noRegularFile(path);
}

function noRegularFile(path: string): Error {
  const message = `${path} is no regular file, but a pipe or a socket: move it away`;
  return Object.assign(new Error(message), { code: "NO_REGULAR_FILE" });
}

/**
 * Moves a file of more than so many bytes to `<path>.1`. Where that cannot be replaced (a folder, say), the file is
 * emptied: it must not grow without end.
 * @returns why it was emptied; undefined if it was not
 * @throws NodeJS.ErrnoException
 */
export function putAside(path: string, bytes: number): unknown {
  if (sizeOf(path) <= bytes) return undefined;
  try {
    renameSync(path, `${path}.1`);
    return undefined;
  } catch (thrown) {
    emptyFile(path);
    return thrown;
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

/** The system's words on an open file do not say which one. */
function naming(path: string, thrown: unknown): unknown {
  if (thrown instanceof Error && codeOf(thrown) !== undefined && !thrown.message.includes(path))
    thrown.message += ` '${path}'`;
  return thrown;
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
}

/** What a disk had room for is no message, or one that is written again. */
function takeBack(file: number, size: number): void {
  try {
    if (fstatSync(file).size > size) ftruncateSync(file, size); // its reader may have emptied it meanwhile
  } catch (thrown) {
    if (codeOf(thrown) === undefined) throw thrown; // else the failure of the write is told, which is the cause
  }
}

function endsWithinLine(file: number, size: number): boolean {
  const last = Buffer.alloc(1);
  return size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
}

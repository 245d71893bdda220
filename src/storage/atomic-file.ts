import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { Fault } from "../core/index.js";
import { errorCode, remedyOf } from "./remedy.js";

/**
 * Replaces a file so that a reader sees all of the old text or all of the new, also after a crash. Readable for its
 * owner only.
 * @throws Fault unavailable: the disk is full or failed, the file is as it was
 */
export function replaceFile(path: string, text: string): void {
  const temporary = writeTemporary(path, text);
  try {
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(path);
}

/**
 * Makes a file with its whole text at once.
 * @returns false if there is one already
 * @throws Fault unavailable: the disk is full or failed
 */
export function makeFile(path: string, text: string): boolean {
  const temporary = writeTemporary(path, text);
  try {
    linkSync(temporary, path);
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
  syncFolder(path);
  return true;
}

/**
 * A file's text, or undefined if there is none.
 * @throws Fault unavailable: it is no regular file; Error the system's
 */
export function readIfThere(path: string): string | undefined {
  try {
    return readRegular(path).toString("utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * A file's bytes. A pipe in its place is not waited for.
 * @throws Fault unavailable: it is no regular file; Error the system's
 */
export function readRegular(path: string): Buffer {
  const file = openSync(path, constants.O_RDONLY | atOnce);
  try {
    const stat = fstatSync(file);
    if (!stat.isDirectory()) mustBeRegular(path, stat); // of a folder the system says it itself
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/**
 * Opening a pipe would wait for its other end, and the whole process with it. On Windows it is undefined, which is 0.
 */
const atOnce = constants.O_NONBLOCK;

/** Flags with which a file is opened for lines at its end, made if there is none, and never waited for. */
export const appendFlags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | atOnce;

/** @throws Fault unavailable for a folder, a pipe, a socket, a device */
export function mustBeRegular(path: string, stat: { isFile(): boolean }): void {
  if (stat.isFile()) return;
  throw new Fault(
    "unavailable",
    `${path} is no regular file, but a folder, a pipe, a socket or a device: move it away and try again`,
  );
}

/** Takes the rights of others to a file away, if it is there and a regular one. @throws Error the system's */
export function closeToOthers(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isFile() === true && (found.mode & 0o077) !== 0) chmodSync(path, 0o600);
}

/**
 * What changes whenever a file is replaced, written to or given other rights, whatever time of writing it bears;
 * undefined if there is none.
 */
export function fileStamp(path: string): string | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined
    ? undefined
    : `${String(stat.mtimeNs)} ${String(stat.ctimeNs)} ${String(stat.size)} ${String(stat.ino)}`;
}

function writeTemporary(path: string, text: string): string {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  let file: number | undefined;
  try {
    file = openSync(temporary, "wx", 0o600);
    // all of it or an error: a full disk takes a part of one write, and complains at the next
    writeFileSync(file, text);
    fsyncSync(file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new Fault(
      "unavailable",
      `${path} could not be written: ${errorWords(error)}; nothing of it has changed; ${remedyOf(error)}`,
      { cause: error },
    );
  } finally {
    if (file !== undefined) closeSync(file);
  }
  return temporary;
}

/** What the system says, without the path that it was about: a temporary one, of which nobody knows. */
function errorWords(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/, \w+( '.*')?$/, "");
}

/** A rename lasts once its folder is on disk. */
function syncFolder(path: string): void {
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

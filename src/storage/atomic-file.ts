import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { Fault } from "../core/index.js";

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

/** A file's text, or undefined if there is none. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
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

/** The system's word for an error, such as ENOENT. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

function writeTemporary(path: string, text: string): string {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  const file = openSync(temporary, "wx", 0o600);
  try {
    // all of it or an error: a full disk takes a part of one write, and complains at the next
    writeFileSync(file, text);
    fsyncSync(file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new Fault(
      "unavailable",
      `${path} could not be written: ${error instanceof Error ? error.message : String(error)}; ` +
        "nothing of it has changed",
      { cause: error },
    );
  } finally {
    closeSync(file);
  }
  return temporary;
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

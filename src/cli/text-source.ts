import { isUtf8 } from "node:buffer";
import { closeSync, openSync, readSync } from "node:fs";
import { defaultLimits, Fault } from "../core/index.js";
import { errorCode } from "../storage/remedy.js";

/** The longest text that is read, as JSON: a message's frame has room for it and for what stands around it. */
const textMaxBytes = defaultLimits.zmqFrameMaxBytes - 4_096;

/**
 * The text of a file, or of standard input where no file is named, without the line break at its end.
 * @throws Fault malformed: it cannot be read, is empty, or is no UTF-8; too-large: it has more than a message may have
 */
export async function readText(file: string | undefined): Promise<string> {
  const where = file === undefined ? "standard input" : `--file ${file}`;
  const bytes = await bounded(file === undefined ? process.stdin : fileBytes(file), where);
  if (!isUtf8(bytes)) throw new Fault("malformed", `${where}: this is no text in UTF-8; messages are text`);
  const text = bytes.toString("utf8").replace(/\r?\n$/, "");
  if (text === "") throw new Fault("malformed", `${where}: there is nothing to say: it is empty`);
  if (Buffer.byteLength(JSON.stringify(text)) > textMaxBytes) throw tooLong(where);
  return text;
}

function tooLong(where: string): Fault {
  return new Fault("too-large", `${where}: this is more than a message may have, ${textMaxBytes} bytes as JSON`);
}

async function bounded(source: AsyncIterable<unknown> | Iterable<unknown>, where: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of source) {
    const bytes = part as Buffer; // without an encoding, streams give buffers
    parts.push(bytes);
    length += bytes.length;
    if (length > textMaxBytes) throw tooLong(where);
  }
  return Buffer.concat(parts);
}

/** A file piece by piece: also one that has no length before it is read, as a pipe. @throws Fault malformed */
function* fileBytes(file: string): Iterable<Buffer> {
  let opened: number | undefined;
  try {
    opened = openSync(file, "r");
    for (;;) {
      const piece = Buffer.alloc(64 * 1024);
      const length = readSync(opened, piece);
      if (length === 0) return;
      yield piece.subarray(0, length);
    }
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown;
    throw new Fault("malformed", `--file ${file}: ${reasonOf(thrown)}`, { cause: thrown });
  } finally {
    if (opened !== undefined) closeSync(opened);
  }
}

function reasonOf(thrown: unknown): string {
  const code = errorCode(thrown);
  if (code === "ENOENT") return "there is no such file";
  if (code === "EISDIR") return "this is a folder";
  if (code === "EACCES" || code === "EPERM") return "this user may not read it";
  return `it cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
}

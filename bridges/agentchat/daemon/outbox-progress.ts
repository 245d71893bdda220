import { createHash, randomUUID } from "node:crypto";
import { readIfThere, replaceFile } from "./files.js";

/** How far an outbox has been sent, and which file that was. */
export interface Progress {
  /** Random, as old as this record: no other daemon anywhere has it. */
  readonly origin: string;
  /** One more for each file, or new content of a file, that was taken for a new outbox. */
  readonly generation: number;
  /** Not the device, whose number is another one after a restart on some file systems. */
  readonly ino: string;
  /** When the file was made, nanoseconds; "" where the file system does not tell. */
  readonly born: string;
  /** Bytes that were sent or set aside. */
  readonly offset: number;
  /** {@link tailOf} the bytes before the offset: a file cut and written anew differs there. */
  readonly tail: string;
}

/** How many bytes before the offset are compared. */
export const tailBytes = 1_024;

/** Stands for the last {@link tailBytes} of `before`, or all of it. */
export function tailOf(before: Uint8Array): string {
  return createHash("sha256").update(before.subarray(-tailBytes)).digest("base64url");
}

/** The record of an outbox never seen. */
export function noProgress(): Progress {
  return { origin: randomUUID(), generation: 0, ino: "", born: "", offset: 0, tail: "" };
}

/** Reads the record; undefined if there is none. @throws Error if it cannot be read: to guess would lose lines or send them twice */
export function loadProgress(path: string): Progress | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const read = parse(text);
  if (read === undefined) throw new Error(`${path} is damaged; delete it and all of outbox.jsonl is sent again, so empty that first if you do not want this`);
  return read;
}

/** Writes the record, durably, before it returns. @throws NodeJS.ErrnoException */
export function saveProgress(path: string, progress: Progress): void {
  replaceFile(path, `${JSON.stringify(progress)}\n`);
}

/** The id of the line at an offset: the same however often it is sent, another for every other line (protocols §5). */
export function messageId(instance: string, { origin, generation }: Progress, offset: number): string {
  return createHash("sha256").update(JSON.stringify([instance, origin, generation, offset])).digest("hex").slice(0, 32);
}

function parse(text: string): Progress | undefined {
  let read: Partial<Record<keyof Progress, unknown>> | null;
  try {
    read = JSON.parse(text) as typeof read;
  } catch {
    return undefined;
  }
  if (typeof read !== "object" || read === null) return undefined;
  const { origin, generation, ino, born, offset, tail } = read;
  const isText = (value: unknown): value is string => typeof value === "string";
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
  if (!isText(origin) || !isText(ino) || !isText(born) || !isText(tail) || !isCount(generation) || !isCount(offset)) return undefined;
  return { origin, generation, ino, born, offset, tail };
}

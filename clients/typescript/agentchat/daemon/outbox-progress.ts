import { createHash, randomUUID } from "node:crypto";
import { z } from "zod";
import { readIfThere, replaceFile } from "./files.js";

const record = z.object({
  /** Random, as old as this record: no other daemon anywhere has it. */
  origin: z.string(),
  /** One more for each file, or new content of a file, that was taken for a new outbox. */
  generation: z.int().nonnegative(),
  /** Not the device, whose number is another one after a restart on some file systems. */
  ino: z.string(),
  /** When the file was made, nanoseconds; "" where the file system does not tell. */
  born: z.string(),
  /** Bytes that were sent or set aside. */
  offset: z.int().nonnegative(),
  /** {@link tailOf} the bytes before the offset: a file cut and written anew differs there. */
  tail: z.string(),
  /**
   * The file's size, bytes, and its last change, nanoseconds, when it was looked at last: another change with the same
   * bytes was no line appended.
   */
  seen: z.object({ size: z.string(), changed: z.string() }).readonly().exactOptional(),
  /** Channels joined by lines before the offset, and not left again. */
  joined: z.array(z.string()).readonly().default([]),
  /** The line at the offset may have been said: the hash of its bytes, and what `lastHeard` gave before it was. */
  begun: z.object({ line: z.string(), heard: z.string() }).readonly().exactOptional(),
  /** A line that was being sent when the file was written anew, by its name, the id that it has, and when that was. */
  underWay: z.object({ name: z.string(), id: z.string(), since: z.number() }).readonly().exactOptional(),
});

/** How far an outbox has been sent, and which file that was. */
export type Progress = Readonly<z.infer<typeof record>>;

/** How many bytes before the offset are compared. */
export const tailBytes = 1_024;

/** Stands for the last {@link tailBytes} of `before`, or all of it. */
export function tailOf(before: Uint8Array): string {
  return createHash("sha256").update(before.subarray(-tailBytes)).digest("base64url");
}

/** The record of an outbox never seen. */
export function noProgress(): Progress {
  return { origin: randomUUID(), generation: 0, ino: "", born: "", offset: 0, tail: "", joined: [] };
}

/**
 * Reads the record; undefined if there is none.
 * @throws Error if it cannot be read: to guess would lose lines or send them twice
 */
export function loadProgress(path: string): Progress | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const read = parse(text);
  if (read === undefined)
    throw new Error(
      `${path} is damaged; delete it and all of outbox.jsonl is sent again, ` +
        "so empty that first if you do not want this",
    );
  return read;
}

/** Writes the record, durably, before it returns. @throws NodeJS.ErrnoException */
export function saveProgress(path: string, progress: Progress): void {
  replaceFile(path, `${JSON.stringify(progress)}\n`);
}

/**
 * The id of the line at an offset: the same however often it is sent, another for every other line (AgentChat §9.3).
 */
export function messageId(instance: string, { origin, generation }: Progress, offset: number): string {
  return createHash("sha256")
    .update(JSON.stringify([instance, origin, generation, offset]))
    .digest("hex")
    .slice(0, 32);
}

function parse(text: string): Progress | undefined {
  try {
    return record.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // no JSON
  }
}

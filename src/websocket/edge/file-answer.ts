import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ServerResponse } from "node:http";
import type { Clock } from "../../core/index.js";

/** So much is written at a time: over TLS each connection has a copy of what it has not taken yet. */
const pieceBytes = 32 * 1024;
/** Whoever has not taken the whole answer after so long is not waited for, milliseconds. */
export const takenWithinMs = 60_000;

/** Writes the bytes as fast as the peer takes them. Resolves when it has them, or is gone. */
export async function sendFile(
  response: ServerResponse,
  bytes: Uint8Array,
  clock: Clock,
  withinMs: number = takenWithinMs,
): Promise<void> {
  const cancel = clock.after(withinMs, () => response.destroy());
  try {
    await pipeline(Readable.from(pieces(bytes), { highWaterMark: 1 }), response);
  } catch {
    response.destroy(); // it is gone, or too slow: nobody is left to be told
  } finally {
    cancel();
  }
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

import { setTimeout as sleep } from "node:timers/promises";
import { PanError } from "./calls.js";

/** What rejoining needs of a connection. */
export interface Rejoining {
  /** Says join and waits for its answer. */
  readonly join: (room: string) => Promise<unknown>;
  /** Told of each room that could not be joined again. */
  readonly refused: (room: string, error: PanError) => void;
  /** Aborted once the connection is lost or closed. */
  readonly signal: AbortSignal;
}

/** A server that names no time, or none to speak of, must not be asked in a tight loop. */
const pauseMs = { least: 50, unknown: 1_000, most: 3_600_000 } as const;

/**
 * Joins the rooms again, one at a time, so that a rate limit is met and not run into; waits as long as a RATE_LIMIT
 * says (PAN §6).
 * A room that is refused otherwise leaves `rooms`; one that is not answered stays for the next time.
 * @throws PanError CLOSED when the connection is lost; never because of a room
 */
export async function rejoin(rooms: Set<string>, rejoining: Rejoining): Promise<void> {
  for (const room of [...rooms]) {
    // It may have been left in the meantime.
    while (rooms.has(room) && !(await isDone(room, rooms, rejoining)));
  }
}

async function isDone(room: string, rooms: Set<string>, { join, refused, signal }: Rejoining): Promise<boolean> {
  try {
    await join(room);
  } catch (thrown) {
    if (!(thrown instanceof PanError) || thrown.code === "CLOSED") throw thrown;
    if (thrown.code === "RATE_LIMIT") {
      await pause(thrown.retryAfter ?? pauseMs.unknown, signal);
      return false;
    }
    if (thrown.code !== "TIMEOUT") rooms.delete(room);
    refused(room, thrown);
  }
  return true;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(Math.min(Math.max(ms, pauseMs.least), pauseMs.most), undefined, { signal });
  } catch {
    // sleep rejects for the signal only
    throw new PanError("CLOSED", "the connection was lost while it waited to join its rooms again");
  }
}

import { setTimeout as sleep } from "node:timers/promises";
import type { JoinedRooms } from "../shared/joined-rooms.js";
import { PanError } from "./calls.js";

/** A server that names no time, or almost none, must not be asked again and again without a pause. */
const pauseMs = { least: 50, unknown: 1_000, most: 3_600_000 } as const;

/**
 * Joins the rooms again, one at a time, so that a rate limit is not exceeded; waits as long as a RATE_LIMIT says (PAN
 * §6). A room that is refused otherwise leaves `rooms`; one that is not answered stays for the next time.
 * @param rooms of which those are joined in which it is not already, as the server says, or that are to be read on
 * @param join says join and waits for its answer
 * @param onRefused is told of each room that could not be joined again
 * @param signal aborted once the connection is lost or closed
 * @throws PanError CLOSED when the connection is lost; never because of a room
 */
export async function rejoin(
  rooms: Pick<JoinedRooms, "outside" | "has" | "delete">,
  join: (room: string) => Promise<unknown>,
  onRefused: (room: string, error: PanError) => void,
  signal: AbortSignal,
): Promise<void> {
  for (const room of rooms.outside) {
    // The application may have left the room in the meantime.
    while (rooms.has(room)) {
      try {
        await join(room);
        break;
      } catch (thrown) {
        if (!(thrown instanceof PanError) || thrown.code === "CLOSED") throw thrown;
        if (thrown.code === "RATE_LIMIT") {
          await pause(thrown.retryAfter ?? pauseMs.unknown, signal);
          continue;
        }
        if (thrown.code !== "TIMEOUT") rooms.delete(room);
        onRefused(room, thrown);
        break;
      }
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(Math.min(Math.max(ms, pauseMs.least), pauseMs.most), undefined, { signal });
  } catch {
    // sleep rejects for the signal only
    throw new PanError("CLOSED", "the connection was lost before all rooms were joined again");
  }
}

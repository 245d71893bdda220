import type { Envelope, Principal } from "../core/index.js";
import type { Directory } from "../directory/index.js";
import { count, text } from "./arguments.js";
import type { Kind } from "./kind.js";

/** Messages that one request can ask for. */
const pastMax = 100;

/**
 * `room.history {room, count?}`: the last messages of a public room follow the answer on the asker's own topic, as
 * informs with `replay: true`.
 */
export const roomHistory: Kind = ({ context: { directory }, request, viewer }) => {
  const room = text(request, "room");
  const replay = pastOf(directory, room, count(request, "count") ?? pastMax, viewer);
  return { message: `${replay.length} messages of ${room} follow`, data: { room, count: replay.length }, replay };
};

/** The last messages of a room, oldest first. @throws Fault not-found */
export function pastOf(
  directory: Directory,
  room: string,
  wanted: number,
  viewer: Principal | undefined,
): readonly Envelope[] {
  return directory.history(room, Math.min(wanted, pastMax), viewer);
}

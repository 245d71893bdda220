import { eventsTopic, type Router } from "../core/index.js";

/**
 * Hears at once of each invite-only room that is made, so that whoever listened to its topic before is asked for an invitation.
 * The returned function ends it.
 */
export function watchClosedRooms(router: Router, closed: (room: string) => void): () => void {
  return router.subscribe(eventsTopic, {
    deliver: ({ envelope, hidden, origin }) => {
      if (!hidden || origin !== undefined || envelope?.content.kind !== "room.created") return false;
      const { data } = envelope.content;
      if (typeof data === "object" && data !== null && "room" in data && typeof data.room === "string") closed(data.room);
      return false;
    },
  });
}

import { seatsFor, text } from "./arguments.js";
import type { Kind } from "./kind.js";

/** `room.leave {room}`: on all connections of the asker. */
export const roomLeave: Kind = (ask) => {
  const room = text(ask.request, "room");
  const left = seatsFor(ask, room).map((seat) => seat.leave(room));
  return { message: left.includes(true) ? `you left ${room}` : `you were not in ${room}`, data: { room } };
};

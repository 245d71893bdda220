import { seatsFor, text } from "./arguments.js";
import type { Kind } from "./kind.js";

/** `room.invite {room, agent}`: a member lets somebody into an invite-only room, and tells it. */
export const roomInvite: Kind = (ask) => {
  const room = text(ask.request, "room");
  const agent = text(ask.request, "agent");
  const seats = seatsFor(ask, room);
  const seat = seats.find(({ presence }) => presence.rooms.has(room)) ?? seats[0];
  ask.context.directory.invite(seat.presence, room, agent);
  return { message: `${agent} is invited to ${room}`, data: { room, agent } };
};

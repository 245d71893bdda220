import { text } from "./arguments.js";
import type { Kind } from "./kind.js";

/** `room.members {room}` */
export const roomMembers: Kind = ({ charge, context: { directory }, request, viewer }) => {
  const room = text(request, "room");
  const members = directory.members(room, viewer);
  charge(members.length);
  return { message: members.join(", "), data: { room, members } };
};

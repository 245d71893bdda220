import { argument, text } from "./arguments.js";
import type { Kind, Length } from "./kind.js";

/** `room.members {room}` */
export const roomMembers: Kind = ({ context: { directory }, request, viewer }) => {
  const room = text(request, "room");
  const members = directory.members(room, viewer);
  return { message: members.join(", "), data: { room, members } };
};

/** Of whatever lists the members of `content.data.room`. */
export const membersLength: Length = ({ context: { directory }, request: { content }, viewer }) => {
  const room = argument(content, "room");
  return typeof room === "string" ? directory.memberCount(room, viewer) : 0;
};

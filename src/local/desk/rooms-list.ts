import { listRooms } from "../lists.js";
import type { Kind } from "./kind.js";

/** `rooms.list`: the rooms that the asker may know of. */
export const roomsList: Kind = ({ charge, context: { directory }, viewer }) => {
  const rooms = listRooms(directory, viewer);
  charge(rooms.length);
  return { message: rooms.map(({ name }) => name).join(", "), data: { rooms } };
};

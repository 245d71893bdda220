import { listRooms } from "./lists.js";
import type { Kind, Length } from "./kind.js";

/** `rooms.list`: the rooms that the asker may know of. */
export const roomsList: Kind = ({ context: { directory }, viewer }) => {
  const rooms = listRooms(directory, viewer);
  return { message: rooms.map(({ name }) => name).join(", "), data: { rooms } };
};

export const roomsLength: Length = ({ context: { directory } }) => directory.roomCount;

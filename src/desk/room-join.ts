import { count, seatsFor, text } from "./arguments.js";
import { pastOf } from "./room-history.js";
import type { Kind } from "./kind.js";

/** `room.join {room, history?}`: makes the asker a member; a missing room is made. */
export const roomJoin: Kind = (ask) => {
  const {
    context: { directory },
    request,
    viewer,
  } = ask;
  const room = text(request, "room");
  const history = count(request, "history") ?? 0;
  const [seat] = seatsFor(ask, room);
  const joined = seat.join(room);
  const members = directory.members(room, seat.presence.principal);
  const message = `${joined ? "you joined" : "you are in"} ${room}`;
  return {
    message: seat.wants(room)
      ? message
      : `${message}; its messages come on the topic ${room}, so your SUB socket has to subscribe to it, too, or its library drops them`,
    data: { room, members },
    ...(history > 0 && { replay: pastOf(directory, room, history, viewer) }),
  };
};

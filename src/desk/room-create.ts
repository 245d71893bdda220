import { flag, seatsFor, text } from "./arguments.js";
import type { Kind } from "./kind.js";

/** `room.create {room, invite_only?}`: makes a room and joins it. An invite-only one needs a proved name. */
export const roomCreate: Kind = (ask) => {
  const room = text(ask.request, "room");
  const inviteOnly = flag(ask.request, "invite_only");
  const [seat] = seatsFor(ask, room);
  ask.context.directory.create(seat.presence, room, { inviteOnly });
  seat.join(room);
  return {
    message: `you made ${room}${inviteOnly ? ", for invited members only" : ""}; subscribe to it to hear it`,
    data: { room, invite_only: inviteOnly },
  };
};

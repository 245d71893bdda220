import { z } from "zod";
import { Fault } from "../../core/index.js";
import type { Past, Seat } from "../../directory/index.js";
import { agent, flag, members, noList, pastCount, room } from "../fields.js";
import { kind, type Ask } from "../kind.js";

/** Messages that one request can ask for. */
const pastMax = 100;
const countMembers = ({ directory, viewer }: Ask, fields: { readonly room: string }): number =>
  directory.memberCount(fields.room, viewer);

/** `room.join`: makes the asker a member; a missing room is made. */
export const roomJoin = kind({
  request: z.strictObject({ room, history: pastCount.exactOptional() }),
  answer: z.object({ room, members }),
  right: undefined,
  length: countMembers,
  past: (ask, { room, history = 0 }) => pastOf(ask, room, history),
  run: (ask, { room, history = 0 }) => {
    const { directory } = ask;
    const [seat] = seatsFor(ask, room);
    const message = `${seat.join(room) ? "you joined" : "you are in"} ${room}`;
    return {
      message: seat.wants(room)
        ? message
        : `${message}; its messages come on the topic ${room}, ` +
          "so your SUB socket has to subscribe to it, too, or its library drops them",
      data: { room, members: directory.members(room, seat.presence.principal) },
      ...(history > 0 && { replay: pastOf(ask, room, history) }),
    };
  },
});

/** `room.leave`: takes all connections of the asker out of a room. */
export const roomLeave = kind({
  request: z.strictObject({ room }),
  answer: z.object({ room }),
  right: undefined,
  length: noList,
  run: (ask, { room }) => {
    const left = seatsFor(ask, room).map((seat) => seat.leave(room));
    return { message: left.includes(true) ? `you left ${room}` : `you were not in ${room}`, data: { room } };
  },
});

/** `room.create`: makes a room and joins it. */
export const roomCreate = kind({
  request: z.strictObject({ room, invite_only: flag.describe("needs a proved name").exactOptional() }),
  answer: z.object({ room, invite_only: z.boolean() }),
  right: undefined,
  length: noList,
  run: (ask, { room, invite_only: inviteOnly = false }) => {
    const [seat] = seatsFor(ask, room);
    const made = ask.directory.create(seat.presence, room, { inviteOnly });
    const joined = () => {
      seat.join(room);
      const message = `you made ${room}${inviteOnly ? ", for invited members only" : ""}`;
      return {
        message: seat.wants(room) ? message : `${message}; subscribe to it to hear it`,
        data: { room, invite_only: inviteOnly },
      };
    };
    return inviteOnly ? made.then(joined) : joined();
  },
});

/** `room.invite`: a member lets another agent into an invite-only room; the directory tells that agent. */
export const roomInvite = kind({
  request: z.strictObject({ room, agent }),
  answer: z.object({ room, agent: z.string() }),
  right: undefined,
  length: noList,
  run: async (ask, { room, agent }) => {
    const seats = seatsFor(ask, room);
    const seat = seats.find(({ presence }) => presence.rooms.has(room)) ?? seats[0];
    await ask.directory.invite(seat.presence, room, agent);
    return { message: `${agent} is invited to ${room}`, data: { room, agent } };
  },
});

/** `room.members`: who is in a room. */
export const roomMembers = kind({
  request: z.strictObject({ room }),
  answer: z.object({ room, members }),
  right: undefined,
  length: countMembers,
  run: ({ directory, viewer }, { room }) => {
    const names = directory.members(room, viewer);
    return { message: names.join(", "), data: { room, members: names } };
  },
});

/** `room.history`: the last messages of a public room follow the answer on the asker's own topic. */
export const roomHistory = kind({
  request: z.strictObject({ room, count: pastCount.exactOptional() }),
  answer: z.object({
    room,
    count: z.int().min(0).describe("so many informs with replay: true follow, oldest first, on the asker's own topic"),
  }),
  right: undefined,
  length: noList,
  past: (ask, { room, count = pastMax }) => pastOf(ask, room, count),
  run: (ask, { room, count = pastMax }) => {
    ask.directory.mustSee(room, ask.viewer);
    const replay = pastOf(ask, room, count);
    return { message: `${replay.length} messages of ${room} follow`, data: { room, count: replay.length }, replay };
  },
});

/**
 * The asker's seats; one that subscribed to `room` itself comes first.
 * @throws Fault unauthenticated if it has none
 */
function seatsFor({ seats, asker }: Ask, room: string): readonly [Seat, ...Seat[]] {
  const [first, ...rest] = [...seats].sort((one, other) => Number(other.wants(room)) - Number(one.wants(room)));
  if (first !== undefined) return [first, ...rest];
  throw new Fault(
    "unauthenticated",
    `${asker} does not hear anything here: ` +
      "subscribe to your own name, or declare it (X-Agent), before you join rooms",
  );
}

/** The last messages of a room that the asker may read, oldest first. */
function pastOf({ directory, viewer }: Ask, room: string, wanted: number): readonly Past[] {
  return directory.past(room, Math.min(wanted, pastMax), viewer);
}

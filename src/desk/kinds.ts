import { z } from "zod";
import { Fault } from "../core/index.js";
import type { Past } from "../directory/index.js";
import { agent, flag, listedAgent, listedRoom, members, pastCount, room } from "./fields.js";
import { listAgents, listRooms } from "./lists.js";
import { kind, type Ask, type Kind, type Seat } from "./kind.js";

/** Every `content.kind` that `$broker` answers. */
export type DeskKind =
  | "ping"
  | "agents.list"
  | "rooms.list"
  | "room.join"
  | "room.leave"
  | "room.create"
  | "room.invite"
  | "room.members"
  | "room.history"
  | "broker.status";

/** One row for each kind: a missing one does not compile. */
export type DeskTable = Readonly<Record<DeskKind, Kind>>;

/** Messages that one request can ask for. */
const pastMax = 100;
const noFields = z.strictObject({});
/** The length of an answer that lists nothing. */
const noList = (): number => 0;
const countMembers = ({ directory, viewer }: Ask, fields: { readonly room: string }): number =>
  directory.memberCount(fields.room, viewer);

/** What is asked of `$broker`, what it answers, who may ask, what it costs, and how it is done. */
export const deskKinds = {
  /** Proves that both sockets of the asker work, and tells whether another program uses its name. */
  ping: kind({
    request: z.strictObject({
      instance: z.string().max(64).describe("the X-Instance of the asker's SUB socket").exactOptional(),
    }),
    answer: z.object({
      place: z
        .int()
        .min(1)
        .describe("so many of these came before the asker's instance, and itself: 1 is the first")
        .exactOptional(),
      connections: z.int().min(0).describe("of how many connections the asker's name is; more than 1: they share it"),
    }),
    right: undefined,
    length: noList,
    run: ({ directory, asker, place }, { instance }) => {
      const at = instance === undefined ? undefined : place?.(instance);
      const connections = directory.agent(asker)?.connections ?? 0;
      return { message: "pong", data: { connections, ...(at !== undefined && { place: at }) } };
    },
  }),

  /** Who is online, in all dialects. */
  "agents.list": kind({
    request: noFields,
    answer: z.object({ agents: z.array(listedAgent) }),
    right: undefined,
    length: ({ directory }) => directory.agentCount,
    run: ({ directory }) => {
      const agents = listAgents(directory);
      return { message: agents.map(({ name }) => name).join(", "), data: { agents } };
    },
    text: ({ directory, lists }) => lists.agents("agents.list", directory),
  }),

  /** The rooms that the asker may know of. */
  "rooms.list": kind({
    request: noFields,
    answer: z.object({ rooms: z.array(listedRoom) }),
    right: undefined,
    length: ({ directory }) => directory.roomCount,
    run: ({ directory, viewer }) => {
      const rooms = listRooms(directory, viewer);
      return { message: rooms.map(({ name }) => name).join(", "), data: { rooms } };
    },
    text: ({ directory, lists, viewer }) => lists.rooms("rooms.list", directory, viewer),
  }),

  /** Makes the asker a member; a missing room is made. */
  "room.join": kind({
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
  }),

  /** Takes all connections of the asker out of a room. */
  "room.leave": kind({
    request: z.strictObject({ room }),
    answer: z.object({ room }),
    right: undefined,
    length: noList,
    run: (ask, { room }) => {
      const left = seatsFor(ask, room).map((seat) => seat.leave(room));
      return { message: left.includes(true) ? `you left ${room}` : `you were not in ${room}`, data: { room } };
    },
  }),

  /** Makes a room and joins it. */
  "room.create": kind({
    request: z.strictObject({ room, invite_only: flag.describe("needs a proved name").exactOptional() }),
    answer: z.object({ room, invite_only: z.boolean() }),
    right: undefined,
    length: noList,
    run: (ask, { room, invite_only: inviteOnly = false }) => {
      const [seat] = seatsFor(ask, room);
      const made = ask.directory.create(seat.presence, room, { inviteOnly });
      const joined = () => {
        seat.join(room);
        return {
          message: `you made ${room}${inviteOnly ? ", for invited members only" : ""}; subscribe to it to hear it`,
          data: { room, invite_only: inviteOnly },
        };
      };
      return inviteOnly ? made.then(joined) : joined();
    },
  }),

  /** A member lets another agent into an invite-only room; the directory tells that agent. */
  "room.invite": kind({
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
  }),

  /** Who is in a room. */
  "room.members": kind({
    request: z.strictObject({ room }),
    answer: z.object({ room, members }),
    right: undefined,
    length: countMembers,
    run: ({ directory, viewer }, { room }) => {
      const names = directory.members(room, viewer);
      return { message: names.join(", "), data: { room, members: names } };
    },
  }),

  /** The last messages of a public room follow the answer on the asker's own topic. */
  "room.history": kind({
    request: z.strictObject({ room, count: pastCount.exactOptional() }),
    answer: z.object({
      room,
      count: z
        .int()
        .min(0)
        .describe("so many informs with replay: true follow, oldest first, on the asker's own topic"),
    }),
    right: undefined,
    length: noList,
    past: (ask, { room, count = pastMax }) => pastOf(ask, room, count),
    run: (ask, { room, count = pastMax }) => {
      ask.directory.mustSee(room, ask.viewer);
      const replay = pastOf(ask, room, count);
      return { message: `${replay.length} messages of ${room} follow`, data: { room, count: replay.length }, replay };
    },
  }),

  /** Ledgers, limits and connections. */
  "broker.status": kind({
    request: noFields,
    answer: z.looseObject({}),
    right: "operate",
    length: noList,
    run: ({ status }) => ({ message: "the broker is running", data: status() }),
  }),
} satisfies DeskTable;

/** True if `word` is a kind that `$broker` answers. */
export function isDeskKind(word: string): word is DeskKind {
  return Object.hasOwn(deskKinds, word);
}

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

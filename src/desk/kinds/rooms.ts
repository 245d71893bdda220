import { z } from "zod";
import {
  Fault,
  readDurability,
  writeDurability,
  writtenDurability,
  type Durability,
  type Principal,
} from "../../core/index.js";
import { recallMax, type Past, type Recalled, type Seat, type Wanted } from "../../directory/index.js";
import { agent, away, flag, members, noList, pastCount, room } from "../fields.js";
import { kind, type Ask } from "../kind.js";
import { cursor, whole } from "./mailbox-fields.js";

/** Messages that one request can ask for. */
const pastMax = 1_000;
const countMembers = ({ directory, viewer }: Ask, fields: { readonly room: string }): number =>
  directory.memberCount(fields.room, viewer);

const after = z
  .union([z.literal("last"), cursor], 'is a cursor {epoch, seq}, or "last"')
  .describe("what follows a cursor; last: what was not handed over to the asker's name. Durable rooms only")
  .exactOptional();
const durable = z
  .union([z.literal(true), writtenDurability], "is {keep_s, max, max_bytes}")
  .describe("it remembers what is said, on disk; true: as long and as much as is usual. Needs a proved name");
const durableNow = writtenDurability.required();

/** Where what was told of a room's past ends. */
const place = {
  next: z
    .object({ epoch: z.string(), seq: z.int().min(0) })
    .describe("durable rooms: the cursor behind which the rest follows")
    .exactOptional(),
  gap: z
    .literal(true)
    .describe("something behind the cursor is not remembered; the oldest that is comes first")
    .exactOptional(),
  more: z.literal(true).describe("more was said behind next: ask again from there").exactOptional(),
};

/** `room.join`: makes the asker a member; a missing room is made. */
export const roomJoin = kind({
  request: z.strictObject({ room, history: pastCount.exactOptional(), after }),
  answer: z.object({ room, members, away, ...place }),
  right: undefined,
  length: countMembers,
  past: (ask, { room, history = 0, after }) => pastOf(ask, room, wantedOf(after, history), true),
  run: (ask, { room, history = 0, after }) => {
    const { directory } = ask;
    const [seat] = seatsFor(ask, room);
    const joined = () => {
      const message = `${seat.join(room) ? "you joined" : "you are in"} ${room}`;
      const recalled = directory.recall(room, wantedOf(after, history), seat.presence.principal, true);
      return {
        message: seat.wants(room)
          ? message
          : `${message}; its messages come on the topic ${room}, ` +
            "so your SUB socket has to subscribe to it, too, or its library drops them",
        data: { room, ...membersOf(directory, room, seat.presence.principal), ...placeOf(recalled) },
        ...replayOf(recalled),
      };
    };
    const ready = seat.ready?.(room);
    return ready === undefined ? joined() : ready.then(joined);
  },
});

/** `room.leave`: takes all connections of the asker out of a room. */
export const roomLeave = kind({
  request: z.strictObject({ room }),
  answer: z.object({ room }),
  right: undefined,
  length: noList,
  run: (ask, { room }) => {
    const seats = seatsFor(ask, room);
    const left = seats.map((seat) => seat.leave(room));
    const answer = { message: left.includes(true) ? `you left ${room}` : `you were not in ${room}`, data: { room } };
    const kept = seats[0].kept?.();
    return kept === undefined ? answer : kept.then(() => answer);
  },
});

/** `room.create`: makes a room and joins it. */
export const roomCreate = kind({
  request: z.strictObject({
    room,
    invite_only: flag.describe("needs a proved name").exactOptional(),
    durable: durable.exactOptional(),
  }),
  answer: z.object({ room, invite_only: z.boolean(), durable: z.literal(true).exactOptional() }),
  right: undefined,
  length: noList,
  run: (ask, { room, invite_only: inviteOnly = false, durable }) => {
    const [seat] = seatsFor(ask, room);
    const wanted = durable && durabilityOf(durable);
    const made = ask.directory.create(seat.presence, room, { inviteOnly, durable: wanted });
    const joined = () => {
      seat.join(room);
      const message = `you made ${room}${inviteOnly ? ", for invited members only" : ""}`;
      return {
        message: seat.wants(room) ? message : `${message}; subscribe to it to hear it`,
        data: { room, invite_only: inviteOnly, ...(wanted && { durable: true as const }) },
      };
    };
    if (inviteOnly || wanted !== undefined) return made.then(joined);
    const answer = joined();
    return seat.kept?.() === undefined ? answer : made.then(() => answer);
  },
});

/** `room.keep`: whoever made a room, or the operator, says how it is remembered. */
export const roomKeep = kind({
  request: z.strictObject({
    room,
    durable: z
      .union([z.boolean(), writtenDurability], "is {keep_s, max, max_bytes}, or false")
      .describe("how it is remembered; false: no more, and what it remembers is gone"),
  }),
  answer: z.object({
    room,
    durable: z.union([z.literal(false), durableNow]).describe("how it is remembered from now on"),
  }),
  right: undefined,
  length: noList,
  run: async ({ directory, viewer }, { room, durable }) => {
    const bounds = await directory.keep(room, durable === false ? false : durabilityOf(durable), viewer);
    return bounds === undefined
      ? { message: `${room} remembers nothing any more`, data: { room, durable: false as const } }
      : { message: `${room} remembers what is said`, data: { room, durable: writeDurability(bounds) } };
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
  answer: z.object({ room, members, away }),
  right: undefined,
  length: countMembers,
  run: ({ directory, viewer }, { room }) => {
    const inside = membersOf(directory, room, viewer);
    const away = inside.away === undefined ? "" : ` (away: ${inside.away.join(", ")})`;
    return { message: `${inside.members.join(", ")}${away}`, data: { room, ...inside } };
  },
});

/** `room.history`: what a room remembers follows the answer on the asker's own topic. */
export const roomHistory = kind({
  request: z.strictObject({
    room,
    count: pastCount.exactOptional(),
    after,
    max: whole(1, pastMax).describe("messages in this answer, at most; they may be fewer").exactOptional(),
  }),
  answer: z.object({
    room,
    count: z.int().min(0).describe("so many informs with replay: true follow, oldest first, on the asker's own topic"),
    ...place,
  }),
  right: undefined,
  length: noList,
  past: (ask, { room, count = recallMax, after, max }) => pastOf(ask, room, wantedOf(after, count, max)),
  run: ({ directory, viewer }, { room, count = recallMax, after, max }) => {
    const recalled = directory.recall(room, wantedOf(after, count, max), viewer);
    const told = recalled.past.length;
    return {
      message: `${told} messages of ${room} follow`,
      data: { room, count: told, ...placeOf(recalled) },
      ...replayOf(recalled),
    };
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

/** Who is in a room, and who of them is away. @throws Fault not-found, forbidden */
function membersOf(
  directory: Ask["directory"],
  room: string,
  viewer: Principal | undefined,
): { readonly members: readonly string[]; readonly away?: readonly string[] } {
  const away = directory.away(room, viewer).map(({ name }) => name);
  return { members: directory.members(room, viewer), ...(away.length > 0 && { away }) };
}

/** What the answer will tell of the past; nothing where the asker may not read it. */
function pastOf({ directory, viewer }: Ask, room: string, wanted: Wanted, joining = false): readonly Past[] {
  try {
    return directory.recall(room, wanted, viewer, joining).past;
  } catch {
    return []; // it is refused, with the reason, when it is its turn
  }
}

function wantedOf(after: "last" | { epoch: string; seq: number } | undefined, count: number, max?: number): Wanted {
  if (after === undefined) return { count: Math.min(count, max ?? recallMax, recallMax) };
  return { after, ...(max !== undefined && { max }) };
}

function durabilityOf(written: boolean | z.output<typeof writtenDurability>): Durability {
  return typeof written === "boolean" ? {} : readDurability(written);
}

function placeOf({ next, gap, more }: Recalled): Place {
  return { ...(next && { next }), ...(gap && { gap }), ...(more && { more }) };
}

/** {@link place}, as it is written. */
interface Place {
  readonly next?: { readonly epoch: string; readonly seq: number };
  readonly gap?: true;
  readonly more?: true;
}

function replayOf({ past, heardBy }: Recalled): { replay?: readonly Past[]; heardBy?: Recalled["heardBy"] } {
  return past.length > 0 ? { replay: past, heardBy } : {};
}

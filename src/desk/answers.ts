import { z } from "zod";
import {
  brokerTopic,
  writtenEnvelope,
  writtenTime,
  writtenTrust,
  type ListedAgent,
  type ListedRoom,
} from "../core/index.js";
import { byKind, room, type DeskKind } from "./requests.js";

const listedAgent = z.object({
  name: z.string(),
  display_name: z.string().describe("for people; never an address"),
  dialect: z.string().describe("zmq, pan, agentchat …"),
  trust: writtenTrust,
  via: z.literal("proxy").describe("it is behind somebody else's socket").exactOptional(),
  since: writtenTime,
}) satisfies z.ZodType<ListedAgent>;
const listedRoom = z.object({
  name: room,
  members: z.int().min(0),
  invite_only: z.boolean(),
}) satisfies z.ZodType<ListedRoom>;
const members = z.array(z.string()).describe("names of those who are in it");

/** What `content.data` holds, by kind; undefined where the text says all. */
const data: Readonly<Record<DeskKind, z.ZodObject | undefined>> = {
  ping: undefined,
  "agents.list": z.object({ agents: z.array(listedAgent) }),
  "rooms.list": z.object({ rooms: z.array(listedRoom) }),
  "room.join": z.object({ room, members }),
  "room.leave": z.object({ room }),
  "room.create": z.object({ room, invite_only: z.boolean() }),
  "room.invite": z.object({ room, agent: z.string() }),
  "room.members": z.object({ room, members }),
  "room.history": z.object({
    room,
    count: z.int().min(0).describe("so many informs with replay: true follow, oldest first, on the asker's own topic"),
  }),
};

/** What every message of the broker's own has. */
export const ofBroker = z.object({
  ...writtenEnvelope.shape,
  from: z.literal(brokerTopic),
  priority: z.literal("NORMAL"),
  trust: z.literal("proved"),
});

/**
 * Whole answers from `$broker`, by kind, on the asker's own topic. Clients ignore fields that they do not know: more
 * may come.
 */
export const deskAnswers: Readonly<Record<DeskKind, z.ZodObject>> = byKind((kind) => {
  const said = data[kind];
  return ofBroker.extend({
    type: z.literal("response"),
    in_reply_to: z.string().describe("message_id of the request"),
    content: z.object({ message: z.string(), kind: z.literal(kind), ...(said !== undefined && { data: said }) }),
  });
});

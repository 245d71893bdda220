import { z } from "zod";
import { listedAgent, listedRoom, noFields } from "../fields.js";
import { kind } from "../kind.js";
import { listAgents, listRooms } from "../lists.js";

/** `agents.list`: who is online, in all dialects. */
export const agentsList = kind({
  request: noFields,
  answer: z.object({ agents: z.array(listedAgent) }),
  right: undefined,
  length: ({ directory }) => directory.agentCount,
  run: ({ asker, directory }) => {
    const agents = listAgents(directory, asker);
    return { message: agents.map(({ name }) => name).join(", "), data: { agents } };
  },
  text: ({ asker, directory, lists }) => lists.agents("agents.list", directory, asker),
});

/** `rooms.list`: the rooms that the asker may know of. */
export const roomsList = kind({
  request: noFields,
  answer: z.object({ rooms: z.array(listedRoom) }),
  right: undefined,
  length: ({ directory }) => directory.roomCount,
  run: ({ directory, viewer }) => {
    const rooms = listRooms(directory, viewer);
    return { message: rooms.map(({ name }) => name).join(", "), data: { rooms } };
  },
  text: ({ directory, lists, viewer }) => lists.rooms("rooms.list", directory, viewer),
});

import type { z } from "zod";
import { ListText, type Principal } from "../core/index.js";
import type { AgentEntry, Directory, RoomEntry } from "../directory/index.js";
import type { listedAgent, listedRoom } from "./fields.js";

/** An answer as JSON: `message` is a JSON string, `data` a JSON object. */
export interface AnswerText {
  readonly message: string;
  readonly data: string;
}

/** The lists of everybody and everything, as JSON: what has not changed is not written again for the next asker. */
export class DeskLists {
  readonly #agents = new ListText<AgentEntry>((one) => JSON.stringify(agentListed(one)));
  readonly #rooms = new ListText<RoomEntry>((one) => JSON.stringify(roomListed(one)));

  agents(directory: Directory): AnswerText {
    const agents = directory.agents();
    return { message: namesText(agents), data: `{"agents":${this.#agents.of(agents)}}` };
  }

  rooms(directory: Directory, viewer: Principal | undefined): AnswerText {
    const rooms = directory.rooms(viewer);
    return { message: namesText(rooms), data: `{"rooms":${this.#rooms.of(rooms)}}` };
  }
}

/** Agents that are online, by name. */
export function listAgents(directory: Directory): readonly z.output<typeof listedAgent>[] {
  return directory.agents().map(agentListed);
}

/** Rooms that `viewer` may know of, by name. */
export function listRooms(directory: Directory, viewer: Principal | undefined): readonly z.output<typeof listedRoom>[] {
  return directory.rooms(viewer).map(roomListed);
}

function agentListed({
  name,
  displayName,
  dialect,
  trust,
  via,
  since,
  connections,
}: AgentEntry): z.output<typeof listedAgent> {
  return {
    name,
    display_name: displayName,
    dialect,
    trust,
    ...(via !== undefined && { via }),
    since: new Date(since).toISOString(),
    ...(connections > 1 && { connections }),
  };
}

function roomListed({ name, members, inviteOnly }: RoomEntry): z.output<typeof listedRoom> {
  return { name, members, invite_only: inviteOnly };
}

/** Names for people, as a JSON string. */
function namesText(list: readonly { readonly name: string }[]): string {
  return JSON.stringify(list.map(({ name }) => name).join(", "));
}

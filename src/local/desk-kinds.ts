import { Fault, type Content, type Envelope } from "../core/index.js";
import type { Presence } from "../services/index.js";
import type { Connected } from "./connected.js";
import type { LocalContext } from "./context.js";
import type { Asker } from "./asker.js";
import { listAgents, listRooms } from "./lists.js";

/** What the desk says to a request; `replay` follows it. */
export interface Answer {
  readonly message: string;
  readonly data?: unknown;
  readonly replay?: readonly Envelope[];
}

type Kind = (request: Envelope, asker: Asker, context: LocalContext) => Answer;

/** Most messages of a room's history that one request can ask for. */
const historyMax = 20;

/** Every `content.kind` that `$broker` answers, by name. `content.data` holds the arguments, `content` itself may, too. */
export const deskKinds: Readonly<Record<string, Kind>> = {
  ping: () => ({ message: "pong" }),

  "agents.list": (_request, _asker, { directory }) => {
    const agents = listAgents(directory);
    return { message: agents.map(({ name }) => name).join(", "), data: { agents } };
  },

  "rooms.list": (_request, { principal }, { directory }) => {
    const rooms = listRooms(directory, principal);
    return { message: rooms.map(({ name }) => name).join(", "), data: { rooms } };
  },

  "room.join": (request, asker, { directory }) => {
    const room = text(request.content, "room");
    const { connected, presence } = present(asker);
    const joined = connected.join(room, presence);
    const count = number(request.content, "history");
    return {
      message: `${joined ? "you joined" : "you are in"} ${room}; a SUB socket also has to subscribe to ${room}, its library drops the rest`,
      data: { room, members: directory.members(room, presence.principal) },
      ...(count > 0 && { replay: directory.history(room, Math.min(count, historyMax), presence.principal) }),
    };
  },

  "room.leave": (request, asker) => {
    const room = text(request.content, "room");
    const { connected, presence } = present(asker);
    return { message: connected.leave(room, presence) ? `you left ${room}` : `you were not in ${room}`, data: { room } };
  },

  "room.create": (request, asker, { directory }) => {
    const room = text(request.content, "room");
    const { connected, presence } = present(asker);
    const inviteOnly = argument(request.content, "invite_only") === true;
    directory.create(presence, room, { inviteOnly });
    connected.join(room, presence);
    return { message: `you made ${room}${inviteOnly ? ", for invited members only" : ""}`, data: { room, invite_only: inviteOnly } };
  },

  "room.invite": (request, asker, { directory }) => {
    const room = text(request.content, "room");
    const agent = text(request.content, "agent");
    directory.invite(present(asker).presence, room, agent);
    return { message: `${agent} is invited to ${room}`, data: { room, agent } };
  },

  "room.members": (request, { principal }, { directory }) => {
    const room = text(request.content, "room");
    const members = directory.members(room, principal);
    return { message: members.join(", "), data: { room, members } };
  },

  "room.history": (request, { principal }, { directory }) => {
    const room = text(request.content, "room");
    const count = Math.min(number(request.content, "count") || historyMax, historyMax);
    const replay = directory.history(room, count, principal);
    return { message: `${replay.length} messages of ${room} follow`, data: { room, count: replay.length }, replay };
  },

  "broker.status": (_request, { principal }, { status }) => {
    if (principal?.scopes.has("operate") !== true) throw new Fault("forbidden", "only the operator asks for this (operator-token in the data directory)");
    return { message: "the broker is running", data: status() };
  },
};

function present({ connected, presence, agent }: Asker): { connected: Connected; presence: Presence } {
  if (connected === undefined || presence === undefined) {
    throw new Fault("unauthenticated", `${agent} is not online: subscribe to your own name, or declare it (X-Agent), before you join rooms`);
  }
  return { connected, presence };
}

function argument(content: Content, name: string): unknown {
  const { data } = content;
  if (typeof data === "object" && data !== null && Object.hasOwn(data, name)) return (data as Readonly<Record<string, unknown>>)[name];
  return Object.hasOwn(content, name) ? content[name] : undefined;
}

function text(content: Content, name: string): string {
  const value = argument(content, name);
  if (typeof value !== "string" || value === "") throw new Fault("malformed", `content.data.${name} is missing; it is a text`);
  return value;
}

function number(content: Content, name: string): number {
  const value = argument(content, name);
  if (value === undefined) return 0;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0) throw new Fault("malformed", `content.data.${name} is a whole number from 0`);
  return value;
}

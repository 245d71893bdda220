import { agentsLength, agentsList } from "./agents-list.js";
import { brokerStatus } from "./broker-status.js";
import type { Kind, Length } from "./kind.js";
import { ping } from "./ping.js";
import { roomCreate } from "./room-create.js";
import { roomHistory } from "./room-history.js";
import { roomInvite } from "./room-invite.js";
import { roomJoin } from "./room-join.js";
import { roomLeave } from "./room-leave.js";
import { membersLength, roomMembers } from "./room-members.js";
import { roomsLength, roomsList } from "./rooms-list.js";

/** Every `content.kind` that `$broker` answers. */
export const deskKinds: Readonly<Record<string, Kind>> = {
  ping: ping,
  "agents.list": agentsList,
  "rooms.list": roomsList,
  "room.join": roomJoin,
  "room.leave": roomLeave,
  "room.create": roomCreate,
  "room.invite": roomInvite,
  "room.members": roomMembers,
  "room.history": roomHistory,
  "broker.status": brokerStatus,
};

/** Kinds that are forbidden to everybody else. */
export const operatorsOnly: ReadonlySet<string> = new Set(["broker.status"]);

/** Of the kinds whose answers grow with what there is. */
export const deskLengths: Readonly<Record<string, Length>> = {
  "agents.list": agentsLength,
  "rooms.list": roomsLength,
  "room.join": membersLength,
  "room.members": membersLength,
};

import { Fault, isRoom, type Limits, type Principal } from "../core/index.js";
import type { AgentRecord, PresenceMemory } from "./presence.js";
import { notInvited, type Room } from "./rooms.js";

/** @throws Fault malformed */
export function mustBeRoom(room: string): void {
  if (!isRoom(room))
    throw new Fault("malformed", "a room's name is # and 1 to 64 of A-Z a-z 0-9 _ - . and does not end in .");
}

/** Refuses those who are neither in the room nor invited. @throws Fault forbidden */
export function mayEnter(room: Room, member: PresenceMemory): void {
  if (!room.isMember(member.principal) && !room.isInvited(member.principal)) {
    throw notInvited(room.name);
  }
  mustBeProvedOnZmq(member, room.name);
}

/** On ZeroMQ a claimed name is anybody's, so it opens no invite-only room (protocols §2). @throws Fault forbidden */
export function mustBeProvedOnZmq(member: PresenceMemory, room: string): void {
  if (member.dialect !== "zmq" || member.principal.trust === "proved") return;
  throw new Fault(
    "forbidden",
    `${room} is invite-only, and on ZeroMQ that needs a proved name: connect with PLAIN and a token (broker token ${member.name})`,
  );
}

/** @throws Fault full */
export function mayJoinMore(
  agent: AgentRecord | undefined,
  { roomsPerAgentMax }: Pick<Limits, "roomsPerAgentMax">,
): void {
  if (agent === undefined || agent.roomCount < roomsPerAgentMax) return;
  throw new Fault(
    "full",
    `${agent.name} is in ${String(roomsPerAgentMax)} rooms, which is as many as it can be; leave one first`,
  );
}

/** Why somebody may not speak in an invite-only room, or undefined. */
export function cannotSpeak(room: Room, speaker: Principal | undefined): Fault | undefined {
  if (speaker !== undefined && room.isMember(speaker)) return undefined;
  return speaker !== undefined && room.isInvited(speaker)
    ? new Fault("forbidden", `only members speak in ${room.name}; you are invited, join it first`)
    : notInvited(room.name);
}

import { eventsTopic, type Exchange } from "../core/index.js";
import type { AgentEntry } from "./directory.js";
import type { PresenceMemory } from "./presence.js";
import type { Room } from "./rooms.js";

/**
 * What the directory tells: informs from `$broker` on `$events`, each with a text for people and `data` for programs.
 */
export class DirectoryEvents {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  online({ name, displayName, dialect, trust }: AgentEntry): void {
    this.#tell("agent.online", `${name} is online`, { agent: name, displayName, dialect, trust });
  }

  offline({ name, displayName, dialect, trust }: AgentEntry): void {
    this.#tell("agent.offline", `${name} is offline`, { agent: name, displayName, dialect, trust });
  }

  created(room: Room): void {
    this.#tell(
      "room.created",
      `${room.name} was made`,
      { room: room.name, inviteOnly: room.inviteOnly },
      room.inviteOnly,
    );
  }

  joined(room: Room, member: PresenceMemory): void {
    this.#tell("room.joined", `${member.name} joined ${room.name}`, membership(room, member), room.inviteOnly);
  }

  left(room: Room, member: PresenceMemory): void {
    this.#tell("room.left", `${member.name} left ${room.name}`, membership(room, member), room.inviteOnly);
  }

  /** Tells the invitee on its own topic, and nobody else. */
  invited(room: Room, by: PresenceMemory, invitee: string): void {
    const message = `${by.name} invites you to ${room.name}; join it to hear and be heard there`;
    const data = { room: room.name, inviteOnly: room.inviteOnly, by: by.name, displayName: by.principal.displayName };
    this.#exchange.announce(invitee, { type: "inform", content: { message, kind: "room.invited", data } }, true);
  }

  /** Tells a member on its own topic that a room had to go. */
  putOut({ name: room }: Room, member: string): void {
    const message = `you are no longer in ${room}: the broker has as many rooms as it can, and agents that only claim their name and hold the most make room for others; leave some, or log in with a token of your own`;
    this.#exchange.announce(member, {
      type: "inform",
      content: { message, kind: "fault", data: { code: "full", message, to: room } },
    });
  }

  #tell(kind: string, message: string, data: Readonly<Record<string, unknown>>, hidden = false): void {
    this.#exchange.announce(eventsTopic, { type: "inform", content: { message, kind, data } }, hidden);
  }
}

function membership(room: Room, { name, principal, dialect }: PresenceMemory): Readonly<Record<string, unknown>> {
  return { room: room.name, agent: name, displayName: principal.displayName, dialect, trust: principal.trust };
}

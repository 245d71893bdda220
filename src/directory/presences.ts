import { Fault, type Clock, type Slices } from "../core/index.js";
import { PresenceMemory, isSameSpeaker, type AgentRecord, type Agents, type PresenceOwner } from "./agents.js";
import type { AwayMembers } from "./away-members.js";
import type { Arriving } from "./directory.js";
import type { DirectoryEvents } from "./events.js";
import type { Memberships } from "./memberships.js";
import type { Rooms } from "./rooms.js";

/** What {@link Presences} works with. */
export interface PresencesParts {
  readonly agents: Agents;
  readonly rooms: Rooms;
  readonly memberships: Memberships;
  readonly away: AwayMembers;
  readonly events: DirectoryEvents;
  readonly clock: Clock;
  /** For the end of presences: thousands may end in one moment. */
  readonly endings: Slices;
}

/** How presences come and go: shown at once or later, and for a grace period still there when their connection is not. */
export class Presences implements PresenceOwner {
  /** How many there are that did not come over ZeroMQ; those that command count. */
  nonZmq = 0;
  /** Names of sessions that command: they are reachable, and in no list. */
  // bound: wsConnectionsMax · evicts: a name goes with its session · owner: Presences
  readonly #commanding = new Set<string>();
  readonly #parts: PresencesParts;
  #closed = false;

  constructor(parts: PresencesParts) {
    this.#parts = parts;
  }

  /** True once closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** @throws Fault full */
  arrive(arriving: Arriving): PresenceMemory {
    const { agents, away, clock } = this.#parts;
    const record = agents.obtain(arriving);
    const presence = new PresenceMemory(arriving, clock.now(), this);
    if (record.presences.size === 0) record.roomCount = away.roomCount(record.name);
    record.presences.add(presence);
    if (presence.dialect !== "zmq") this.nonZmq += 1;
    agents.changed(record);
    if (arriving.listed !== false) this.show(presence);
    away.arrived(presence);
    return presence;
  }

  show(presence: PresenceMemory): void {
    const { agents, events, memberships } = this.#parts;
    const record = agents.get(presence.name);
    const entry = record?.entry();
    if (record === undefined || entry === undefined || record.listed || presence.state === "gone") return;
    record.listed = true;
    agents.changed(record);
    events.online(entry);
    memberships.tellRoomsOf(record.presences);
  }

  depart(presence: PresenceMemory, graceMs: number): void {
    const { agents, clock, endings } = this.#parts;
    const record = agents.get(presence.name);
    if (record === undefined || presence.state !== "here") return;
    if (graceMs <= 0 || this.#closed) {
      this.#remove(record, presence);
      return;
    }
    presence.state = "lingering";
    agents.changed(record);
    const before = record.lingering;
    record.lingering = {
      presence,
      cancel: clock.after(graceMs, () => {
        endings.do(() => {
          if (this.#closed || record.lingering?.presence !== presence) return;
          record.lingering = undefined;
          this.#remove(record, presence);
        });
      }),
    };
    if (before === undefined) return;
    before.cancel();
    this.#inherit(before.presence, presence);
    this.#remove(record, before.presence);
  }

  /** A session commands under a name of its own. @throws Fault conflict */
  command(name: string): () => void {
    if (this.#commanding.has(name)) throw new Fault("conflict", `${name} is another session`);
    this.#commanding.add(name);
    this.nonZmq += 1;
    return () => {
      if (this.#commanding.delete(name)) this.nonZmq -= 1;
    };
  }

  commands(name: string): boolean {
    return this.#commanding.has(name);
  }

  /** Ends all grace periods without a word; whoever departs from now on is gone at once. */
  close(): void {
    this.#closed = true;
    for (const record of this.#parts.agents.all()) record.lingering?.cancel();
  }

  /** A second grace period of the same name keeps the rooms of the first, so that nobody hears of either. */
  #inherit(from: PresenceMemory, to: PresenceMemory): void {
    const { memberships, rooms } = this.#parts;
    for (const name of from.rooms) {
      const room = rooms.get(name);
      if (room !== undefined && (!room.inviteOnly || isSameSpeaker(from.principal, to.principal)))
        memberships.enter(to, room);
    }
  }

  #remove(record: AgentRecord, presence: PresenceMemory): void {
    const { agents, away, events, memberships, rooms } = this.#parts;
    const last = record.presences.size === 1 ? record.entry() : undefined;
    for (const name of [...presence.rooms]) {
      const room = rooms.get(name);
      if (room !== undefined) memberships.exit(presence, room);
    }
    presence.state = "gone";
    record.presences.delete(presence);
    if (presence.dialect !== "zmq") this.nonZmq -= 1;
    agents.changed(record);
    if (record.presences.size === 0) {
      agents.delete(record.name);
      if (record.listed && last !== undefined) events.offline(last);
      events.gone(record.name);
    }
    if (presence.mayBeAway && !this.#closed) away.departed(presence, record);
  }
}

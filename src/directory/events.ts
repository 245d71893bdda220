import { eventsTopic, type Clock, type Envelope, type Exchange, type Slices } from "../core/index.js";
import type { PresenceMemory } from "./agents.js";
import type { AgentEntry, PresenceWatcher } from "./directory.js";
import type { Room } from "./room.js";

/**
 * Publishes what happens in the directory: informs from `$broker` on `$events`, each with a text for people and `data`
 * for programs. What has happened is true at once; when very much happens at once, it is told in slices, in order.
 */
export class DirectoryEvents {
  readonly #exchange: Exchange;
  // Each event waits once for everybody: at most one for each arrival, departure, joining and leaving of the last
  // turns.
  readonly #slices: Slices;
  readonly #isListedIn: (dialect: string) => boolean;
  #watchers: readonly PresenceWatcher[] = [];

  /** @param isListedIn true for dialects whose agents are known to their contacts only */
  constructor(exchange: Exchange, slices: Slices, isListedIn: (dialect: string) => boolean) {
    this.#exchange = exchange;
    this.#slices = slices;
    this.#isListedIn = isListedIn;
  }

  /** The returned function ends it. */
  watch(watcher: PresenceWatcher): () => void {
    this.#watchers = [...this.#watchers, watcher];
    return () => {
      this.#watchers = this.#watchers.filter((other) => other !== watcher);
    };
  }

  /** Tells all that has happened, at once. */
  finish(): void {
    this.#slices.finish();
  }

  online(entry: AgentEntry): void {
    const { name, displayName, dialect, trust } = entry;
    const data = { agent: name, displayName, dialect, trust };
    this.#tell("agent.online", `${name} is online`, data, this.#isListedIn(dialect));
    this.#show((watcher) => {
      watcher.online(entry);
    });
  }

  /** Nobody of this name is here any more. */
  gone(name: string): void {
    this.#show((watcher) => {
      watcher.offline(name);
    });
  }

  offline({ name, displayName, dialect, trust }: AgentEntry): void {
    const data = { agent: name, displayName, dialect, trust };
    this.#tell("agent.offline", `${name} is offline`, data, this.#isListedIn(dialect));
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

  /** Tells only the invitee, on its own topic. */
  invited(room: Room, by: PresenceMemory, invitee: string): void {
    const message = `${by.name} invites you to ${room.name}; join it to hear and be heard there`;
    const data = { room: room.name, inviteOnly: room.inviteOnly, by: by.name, displayName: by.principal.displayName };
    this.#announce(invitee, { message, kind: "room.invited", data }, true);
  }

  /** Tells a member on its own topic that a room was removed to make space. */
  putOut({ name: room }: Room, member: string): void {
    const message =
      `you are no longer in ${room}: the broker has as many rooms as it can, and agents that only claim their name ` +
      "and are in the most rooms make space for others; leave some, or log in with a token of your own";
    this.#announce(member, { message, kind: "fault", data: { code: "full", message, to: room } });
  }

  #tell(kind: string, message: string, data: Readonly<Record<string, unknown>>, hidden = false): void {
    this.#announce(eventsTopic, { message, kind, data }, hidden);
  }

  #show(call: (watcher: PresenceWatcher) => void): void {
    if (this.#watchers.length === 0) return;
    this.#slices.do(() => {
      for (const watcher of this.#watchers) call(watcher);
    });
  }

  #announce(topic: string, content: Envelope["content"], hidden = false): void {
    this.#slices.do(() => {
      this.#exchange.announce(topic, { type: "inform", content }, hidden);
    });
  }
}

function membership(room: Room, { name, principal, dialect }: PresenceMemory): Readonly<Record<string, unknown>> {
  return { room: room.name, agent: name, displayName: principal.displayName, dialect, trust: principal.trust };
}

/** A receiver that may lose messages because it is slow: a ZeroMQ connection or a session. */
export interface SlowReceiver {
  /** The agent that it receives for; undefined if that is not known. */
  readonly agent: string | undefined;
  /** Messages for it that were dropped since it began. */
  readonly dropped: number;
  /** Wall clock when it began, milliseconds. */
  readonly since: number;
}

/** What a receiver had lost at its last report. */
interface LastReport {
  readonly dropped: number;
  /** Wall clock. */
  readonly at: number;
}

/**
 * Tells `$events` about receivers that lose messages because they are slow: `dropped {agent, count, since}`. Its owners
 * call `report` once a second, so there is at most one event per second and receiver.
 */
export class DroppedEvents {
  readonly #exchange: Exchange;
  readonly #clock: Clock;
  // bound: zmqConnectionsMax and wsConnectionsMax · evicts: a receiver that is gone is forgotten · owner: DroppedEvents
  readonly #before = new WeakMap<object, LastReport>();

  constructor(exchange: Exchange, clock: Clock) {
    this.#exchange = exchange;
    this.#clock = clock;
  }

  /** Announces how many messages `receiver` has lost since its last report. */
  report(receiver: SlowReceiver): void {
    const { agent, dropped } = receiver;
    if (dropped === 0) return;
    const before = this.#before.get(receiver);
    const count = dropped - (before?.dropped ?? 0);
    this.#before.set(receiver, { dropped, at: this.#clock.now() });
    if (count === 0) return;
    const since = new Date(before?.at ?? receiver.since).toISOString();
    this.#exchange.announce(eventsTopic, {
      type: "inform",
      content: {
        message: `${agent ?? "a subscriber"} is too slow: ${count} messages for it were dropped since ${since}`,
        kind: "dropped",
        data: { ...(agent !== undefined && { agent }), count, since },
      },
    });
  }
}

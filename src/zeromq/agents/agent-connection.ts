import {
  asFault,
  cutText,
  everyone,
  Fault,
  isAgentName,
  isRoom,
  noticeOf,
  subscriptionKind,
  type Slices,
} from "../../core/index.js";
import type { Presence } from "../../directory/index.js";
import type { SubscriberPeer } from "../wire/index.js";
import { warn, type ZeromqContext } from "./context.js";
import type { FaultNotices } from "./fault-notices.js";
import { namesOf, noNames, Presences, type ConnectionNames } from "./names.js";
import { declaredFault, isOwned, meantOtherwise, subscriptionFault } from "./rights.js";
import { Subscriptions, type SleepingSubscriptions } from "./subscriptions.js";
import { WaitingTopics } from "./waiting-topics.js";

/** What a connection tells about itself. */
export interface AgentConnectionEvents {
  /** It has a name. */
  arrived(connection: AgentConnection, name: string): void;
  /** It no longer has a name. `graceMs`: the name may come back within this time. */
  left(connection: AgentConnection, name: string, graceMs: number): void;
  /** It hears `topic` from this moment on. */
  heard(connection: AgentConnection, topic: string): void;
}

/**
 * An agent's connection on the subscriber door. Its names follow from its handshake and its subscriptions, its rooms
 * from its subscriptions and its name.
 */
export class AgentConnection {
  readonly peer: SubscriberPeer;
  /** Wall clock since when, milliseconds. */
  readonly since: number;
  readonly #context: ZeromqContext;
  readonly #faults: Pick<FaultNotices, "tellConnection">;
  readonly #events: AgentConnectionEvents;
  readonly #subscriptions: Subscriptions;
  readonly #presences: Presences;
  readonly #sleeping: SleepingSubscriptions;
  // bound: zmqNamesMax + 1 · evicts: a name leaves when it arrives or is given up · owner: AgentConnection
  readonly #refused = new Map<string, () => void>();
  #names: ConnectionNames = noNames;
  /** The first name beyond the limit. */
  #left: string | undefined;
  #cancelRename: (() => void) | undefined;
  readonly #slices: Slices;
  readonly #waiting: WaitingTopics;
  /** It was told of a topic that looks like a name or a room. */
  #hasMeant = false;
  /** Why its one name enters no further room. */
  #tooMany: Fault | undefined;

  constructor(
    peer: SubscriberPeer,
    context: ZeromqContext,
    { sleeping, slices }: { readonly sleeping: SleepingSubscriptions; readonly slices: Slices },
    faults: Pick<FaultNotices, "tellConnection">,
    events: AgentConnectionEvents,
  ) {
    this.peer = peer;
    this.since = context.clock.now();
    this.#context = context;
    this.#faults = faults;
    this.#events = events;
    this.#sleeping = sleeping;
    this.#slices = slices;
    this.#subscriptions = new Subscriptions(peer, context.router, sleeping, (topic) => this.reconsider(topic));
    this.#waiting = new WaitingTopics(slices, context.clock, (topic) => {
      this.#take(topic);
    });
    this.#presences = new Presences(peer, context, {
      arrived: (name) => {
        events.arrived(this, name);
      },
      left: (name, graceMs) => {
        events.left(this, name, graceMs);
      },
      refused: (name, fault) => {
        this.#waitForRoom(name, fault);
      },
    });
  }

  /**
   * After READY: proved and declared names are online and heard, without SUBSCRIBE (ZeroMQ §7.1). A declared name that
   * somebody else has now sleeps.
   * @throws Fault malformed: a declared name that nobody can have
   */
  open(): void {
    const { declared, principal } = this.peer;
    if (principal !== undefined) {
      this.#context.identity.proved(principal.agent);
    } else if (declared !== undefined) {
      const fault = declaredFault(declared, this.#context);
      if (fault !== undefined) throw fault;
    }
    this.#rename();
    if (declared !== undefined && principal === undefined && !this.#names.names.has(declared))
      this.#hearOrSleep(declared);
  }

  /** True if it has the name. Nothing is copied, because this is asked for each broadcast. */
  hasName(name: string): boolean {
    return this.#currentNames().has(name);
  }

  /** The name under which it is told what is for everybody: its own, else its first one. */
  get agent(): string | undefined {
    const [first] = this.#currentNames().keys();
    return this.#names.member ?? first;
  }

  get dropped(): number {
    return this.peer.dropped;
  }

  presence(name: string): Presence | undefined {
    this.#renameIfDue();
    return this.#presences.get(name);
  }

  /** True if messages to `all` reach it as such. */
  get hearsEveryone(): boolean {
    return this.#subscriptions.hears(everyone) || this.#subscriptions.hears("");
  }

  /** True if messages that waited for an agent of this name may be given to it. */
  mayReceiveFor(name: string): boolean {
    return this.#names.names.has(name) || (this.#infersNames && isAgentName(name) && this.#isFree(name));
  }

  /** The agent names that it hears and does not prove. */
  claims(): readonly string[] {
    return this.peer.principal === undefined ? [...this.#subscriptions.heardNames] : [];
  }

  /** Lists the agent: it has spoken or asked. */
  show(name: string): void {
    this.#renameIfDue();
    this.#presences.show(name);
  }

  subscribed(topic: string): void {
    this.#waiting.add(topic);
    this.#hearOwn(topic);
  }

  unsubscribed(topic: string): void {
    this.#hearOwn(topic);
    if (topic === this.#own) return;
    this.#waiting.delete(topic);
    this.#subscriptions.end(topic);
    if (isRoom(topic)) for (const presence of this.#presences.all) this.#leaveRoom(presence, topic);
    else if (isAgentName(topic)) this.#renameSoon();
  }

  /** Checks the right to a topic again, because rights have changed. @returns true if the topic does not sleep */
  reconsider(topic: string): boolean {
    if (topic !== this.#own && !this.peer.subscriptions.has(topic)) {
      this.#subscriptions.end(topic);
      return true;
    }
    const before = this.#subscriptions.hears(topic);
    this.#hearOrSleep(topic);
    if (before !== this.#subscriptions.hears(topic) && isAgentName(topic)) this.#rename();
    return !this.#subscriptions.sleeps(topic);
  }

  /**
   * Makes `presence` a member of a room, as asked at the desk, and lets the connection hear the room.
   * @throws Fault
   */
  join(presence: Presence, room: string): boolean {
    const joined = this.#context.directory.join(presence, room, { create: true });
    this.#hear(room);
    return joined;
  }

  /** Ends what `join` began; other names of the connection stay in the room. */
  leave(presence: Presence, room: string): boolean {
    const left = this.#context.directory.leave(presence, room);
    const stays = [...this.#presences.all].some(({ rooms }) => rooms.has(room));
    if (!stays && this.#names.member !== undefined) this.#subscriptions.end(room);
    return left;
  }

  close(): void {
    this.#cancelRename?.();
    this.#cancelRename = undefined;
    for (const giveUp of this.#refused.values()) giveUp();
    this.#refused.clear();
    this.#waiting.clear();
    this.#subscriptions.close(this.#slices);
    this.#presences.close();
  }

  /** The name that it hears without a subscription. */
  get #own(): string | undefined {
    return this.peer.principal?.agent ?? this.peer.declared;
  }

  /** What it is told under its name is heard by the agent only once libzmq has subscribed to that (ZeroMQ §12.6). */
  #hearOwn(topic: string): void {
    const own = this.#own;
    if (own?.startsWith(topic) === true && this.#subscriptions.hears(own)) this.#context.router.hearing(own, this.peer);
  }

  /** True if names follow from its subscriptions. */
  get #infersNames(): boolean {
    const { declared, principal, socketType } = this.peer;
    return principal === undefined && (declared === undefined || socketType === "XSUB");
  }

  #isFree(name: string): boolean {
    return !this.#context.dataTopics.includes(name) && !isOwned(name, this.#context);
  }

  #take(topic: string): void {
    this.#hearOrSleep(topic);
    if (subscriptionKind(topic) !== "exact") return;
    if (isAgentName(topic)) this.#renameSoon();
    else this.#tellMeant(topic);
  }

  /** The first topic that looks like a name or a room, and can be neither, is told of (ZeroMQ §6.9). */
  #tellMeant(topic: string): void {
    const fault = this.#hasMeant ? undefined : meantOtherwise(topic, this.#context);
    if (fault === undefined) return;
    this.#hasMeant = true;
    const { code, message } = fault;
    warn(this.#context, this.peer.remote, "a subscription is no name and no room", { remedy: message });
    const notice = noticeOf({ code, message, detail: { subscription: cutText(topic) } });
    this.#faults.tellConnection(this.peer, this.#names.member ?? topic, notice);
  }

  /** Hears a topic if it may; else the topic sleeps, and the connection is told once (ZeroMQ §6.3). */
  #hearOrSleep(topic: string): void {
    const fault = isRoom(topic) ? this.#enterRoom(topic) : subscriptionFault(topic, this.peer, this.#context);
    if (fault === undefined) {
      this.#hear(topic);
      return;
    }
    if (!this.#subscriptions.sleep(topic)) return;
    this.#context.ledger.count("subscription-asleep");
    warn(this.#context, this.peer.remote, "a subscription sleeps", { topic: cutText(topic), why: fault.message });
    const { code, message } = fault;
    const notice = noticeOf({ code, message, detail: { subscription: topic } });
    this.#faults.tellConnection(this.peer, this.#names.member ?? topic, notice);
  }

  /** A connection with one name becomes a member; any other only listens, and to public rooms only (ZeroMQ §5.3). */
  #enterRoom(room: string): Fault | undefined {
    const { directory, limits } = this.#context;
    const { member } = this.#names;
    const presence = member === undefined ? undefined : this.#presences.get(member);
    // Of 20,000 rooms nearly all are refused for this one reason: it is made once.
    if (presence !== undefined && presence.rooms.size >= limits.roomsPerAgentMax && !presence.rooms.has(room))
      return (this.#tooMany ??= new Fault(
        "full",
        `${presence.name} is in ${presence.rooms.size} rooms, which is as many as it can be; leave one first`,
      ));
    try {
      if (presence !== undefined) directory.join(presence, room, { create: true });
      else if (!directory.mayHear(undefined, room))
        return new Fault(
          "forbidden",
          `${room} is for its members; prove one name by PLAIN with its token (broker token NAME) and be invited`,
        );
      return undefined;
    } catch (thrown) {
      return asFault(thrown);
    }
  }

  /** The directory had no room for a name: it is heard, is told so once, and arrives as soon as there is room. */
  #waitForRoom(name: string, { code, message }: Fault): void {
    if (this.#refused.has(name)) return;
    this.#faults.tellConnection(this.peer, name, noticeOf({ code, message, detail: { agent: name } }));
    if (code !== "full") return;
    this.#refused.set(name, this.#sleeping.add({ tryAgain: () => this.#arriveAgain(name) }));
  }

  /** @returns true if the name need not be tried again */
  #arriveAgain(name: string): boolean {
    if (isOwned(name, this.#context)) this.reconsider(name);
    const { names } = this.#names;
    const source = names.get(name);
    if (source !== undefined && !this.#presences.arriveAgain(name, source, names.size > 1)) return false;
    this.#refused.delete(name);
    if (source !== undefined && this.#names.member === name) this.#waiting.enterRooms(this.peer.subscriptions);
    return true;
  }

  #leaveRoom(presence: Presence, room: string): void {
    if (presence.rooms.has(room)) this.#context.directory.leave(presence, room);
  }

  #hear(topic: string): void {
    if (this.#subscriptions.hear(topic)) this.#events.heard(this, topic);
  }

  /** The names, with those that follow from its last subscriptions. */
  #currentNames(): ConnectionNames["names"] {
    this.#renameIfDue();
    return this.#names.names;
  }

  #renameIfDue(): void {
    if (this.#cancelRename !== undefined) this.#rename();
  }

  /** libzmq sends subscriptions one by one, in byte order: names are worked out when the burst is over. */
  #renameSoon(): void {
    if (!this.#infersNames && this.peer.principal?.scopes.has("proxy") !== true) return;
    const { clock, limits } = this.#context;
    this.#cancelRename ??= clock.after(limits.zmqNamingMs, () => {
      this.#rename();
    });
  }

  /** Works out its names, and its rooms if its one name has changed. */
  #rename(): void {
    this.#cancelRename?.();
    this.#cancelRename = undefined;
    const { identity, limits } = this.#context;
    const { principal, declared, socketType } = this.peer;
    const before = this.#names.member;
    this.#names = namesOf({
      principal,
      declared,
      socketType,
      topics: this.#subscriptions.heardNames,
      proxied: principal === undefined ? new Set() : identity.proxied(principal),
      namesMax: limits.zmqNamesMax,
      isFree: (name) => this.#isFree(name),
    });
    const { left, member, names } = this.#names;
    this.#presences.follow(this.#names);
    this.#tellLeft(left);
    const own = this.#own;
    if (own !== undefined && names.has(own)) this.#hear(own);
    if (member === before) return;
    const former = before === undefined ? undefined : this.#presences.get(before);
    if (former !== undefined) for (const room of [...former.rooms]) this.#leaveRoom(former, room);
    this.#tooMany = undefined;
    if (member !== undefined) this.#waiting.enterRooms(this.peer.subscriptions);
  }

  /** Names beyond the limit are topics only: the first of them is told of. */
  #tellLeft(left: string | undefined): void {
    const before = this.#left;
    this.#left = left;
    if (left === undefined || before !== undefined) return;
    const { ledger, limits } = this.#context;
    ledger.count("agent-names-full");
    const message =
      `a connection has at most ${limits.zmqNamesMax} names (zmqNamesMax): ${left} and those behind it are heard as ` +
      "topics and are not online; connect once more for them, or list what is no name under topics";
    warn(this.#context, this.peer.remote, "a connection has more names than it can", { agent: left, why: message });
    const notice = noticeOf({ code: "full", message, detail: { agent: left } });
    this.#faults.tellConnection(this.peer, this.agent ?? left, notice);
  }
}

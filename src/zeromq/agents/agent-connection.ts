import {
  asFault,
  cutText,
  everyone,
  Fault,
  isAgentName,
  isRoom,
  noticeOf,
  subscriptionKind,
} from "../../core/index.js";
import type { Presence } from "../../directory/index.js";
import type { SubscriberPeer } from "../wire/index.js";
import { warn, type ZeromqContext } from "./context.js";
import type { Faults } from "./fault-notices.js";
import { isOwned } from "./rights.js";
import { nameless, namingOf, type Naming } from "./names.js";
import { Presences } from "./names.js";
import { declaredFault, subscriptionFault } from "./rights.js";
import type { Sleepers } from "./subscriptions.js";
import { Subscriptions } from "./subscriptions.js";

/** What a connection needs of the rest of the folder, and tells it. */
export interface ConnectedHost {
  readonly context: ZeromqContext;
  readonly sleepers: Sleepers;
  readonly faults: Pick<Faults, "direct">;
  arrived(connected: Connected, name: string): void;
  left(connected: Connected, name: string, graceMs: number): void;
  /** It hears `topic` from this moment. */
  heard(connected: Connected, topic: string): void;
}

/** A connection on the subscriber door: its names follow from what it says and subscribes, its rooms from its name. */
export class Connected {
  readonly peer: SubscriberPeer;
  /** Wall clock since when, milliseconds. */
  readonly since: number;
  readonly #host: ConnectedHost;
  readonly #subscriptions: Subscriptions;
  readonly #presences: Presences;
  #naming: Naming = nameless;
  #cancelNaming: (() => void) | undefined;

  constructor(peer: SubscriberPeer, host: ConnectedHost) {
    const { context, sleepers } = host;
    this.peer = peer;
    this.since = context.clock.now();
    this.#host = host;
    this.#subscriptions = new Subscriptions({
      peer,
      router: context.router,
      sleepers,
      tryAgain: (topic) => this.reconsider(topic),
    });
    this.#presences = new Presences({
      peer,
      context,
      arrived: (name) => {
        host.arrived(this, name);
      },
      left: (name, graceMs) => {
        host.left(this, name, graceMs);
      },
      refused: (name, { code, message }) => {
        host.faults.direct(peer, name, noticeOf({ code, message, detail: { agent: name } }));
      },
    });
  }

  /** After READY: proved and declared names are online and heard from here on, without SUBSCRIBE. @throws Fault */
  open(): void {
    const { declared, principal } = this.peer;
    const { identity } = this.#host.context;
    if (principal !== undefined) {
      identity.remember(principal.agent);
    } else if (declared !== undefined) {
      const fault = declaredFault(declared, this.#host.context);
      if (fault !== undefined) throw fault;
    }
    this.#rename();
  }

  /** The names it bears now; those that its last subscriptions suggest, too. */
  get names(): ReadonlySet<string> {
    return new Set(this.#bears().keys());
  }

  /** True if it bears the name; asked for each broadcast, so nothing is copied. */
  bears(name: string): boolean {
    return this.#bears().has(name);
  }

  /** The name on which it is told what is for everybody: its own, else the first. */
  get agent(): string | undefined {
    const [first] = this.#bears().keys();
    return this.#naming.member ?? first;
  }

  get dropped(): number {
    return this.peer.dropped;
  }

  #bears(): Naming["names"] {
    if (this.#cancelNaming !== undefined) this.#rename();
    return this.#naming.names;
  }

  presence(name: string): Presence | undefined {
    if (this.#cancelNaming !== undefined) this.#rename();
    return this.#presences.get(name);
  }

  /** True if what is for everybody reaches it as such. */
  get hearsEveryone(): boolean {
    return this.#subscriptions.hears(everyone) || this.#subscriptions.hears("");
  }

  hears(topic: string): boolean {
    return this.#subscriptions.hears(topic);
  }

  /** True if what is held for an agent of this name may be given to it. */
  mayBear(name: string): boolean {
    return this.#naming.names.has(name) || (this.#infers && isAgentName(name) && this.#isFree(name));
  }

  /** What it hears that could have an owner. */
  claims(): readonly string[] {
    return this.peer.principal === undefined ? [...this.#subscriptions.heard].filter(isAgentName) : [];
  }

  /** Lists the agent: it has spoken or asked. */
  show(name: string): void {
    if (this.#cancelNaming !== undefined) this.#rename();
    this.#presences.show(name);
  }

  subscribed(topic: string): void {
    this.#settle(topic);
    if (subscriptionKind(topic) === "exact" && isAgentName(topic)) this.#renameSoon();
  }

  unsubscribed(topic: string): void {
    if (topic === this.#own) return;
    this.#subscriptions.end(topic);
    if (isRoom(topic)) for (const presence of this.#presences.all) this.#quit(presence, topic);
    else if (isAgentName(topic)) this.#renameSoon();
  }

  /** Judges a topic again, because rights have changed. @returns true if it does not sleep */
  reconsider(topic: string): boolean {
    if (topic !== this.#own && !this.peer.subscriptions.has(topic)) {
      this.#subscriptions.end(topic);
      return true;
    }
    const before = this.hears(topic);
    this.#settle(topic);
    if (before !== this.hears(topic) && isAgentName(topic)) this.#rename();
    return !this.#subscriptions.sleeps(topic);
  }

  /**
   * Makes `presence` a member of a room that was asked for at the desk, and lets the connection hear it.
   * @throws Fault
   */
  join(presence: Presence, room: string): boolean {
    const joined = this.#host.context.directory.join(presence, room, { create: true });
    this.#hear(room);
    return joined;
  }

  /** The contrary; other names of the connection stay in the room. */
  leave(presence: Presence, room: string): boolean {
    const left = this.#host.context.directory.leave(presence, room);
    const stays = [...this.#presences.all].some(({ rooms }) => rooms.has(room));
    if (!stays && this.#naming.member !== undefined) this.#subscriptions.end(room);
    return left;
  }

  close(): void {
    this.#cancelNaming?.();
    this.#cancelNaming = undefined;
    this.#subscriptions.close();
    this.#presences.close();
  }

  /** The name that it hears without a subscription. */
  get #own(): string | undefined {
    return this.peer.principal?.agent ?? this.peer.declared;
  }

  /** True if its subscriptions suggest its names. */
  get #infers(): boolean {
    const { declared, principal, socketType } = this.peer;
    return principal === undefined && (declared === undefined || socketType === "XSUB");
  }

  #isFree(name: string): boolean {
    const { context } = this.#host;
    return !context.dataTopics.includes(name) && !isOwned(name, context);
  }

  /** Hears a topic if it may; else the topic sleeps, and the connection is told once. */
  #settle(topic: string): void {
    const fault = isRoom(topic) ? this.#enter(topic) : subscriptionFault(topic, this.peer, this.#host.context);
    if (fault === undefined) {
      this.#hear(topic);
      return;
    }
    if (!this.#subscriptions.sleep(topic)) return;
    const { context, faults } = this.#host;
    context.ledger.count("subscription-asleep");
    warn(context, this.peer.remote, "a subscription sleeps", { topic: cutText(topic), why: fault.message });
    faults.direct(
      this.peer,
      this.#naming.member ?? topic,
      noticeOf({ code: fault.code, message: fault.message, detail: { subscription: topic } }),
    );
  }

  /** A room: membership where the connection has one name, else listening, to public ones only. */
  #enter(room: string): Fault | undefined {
    const { directory } = this.#host.context;
    const { member } = this.#naming;
    const presence = member === undefined ? undefined : this.#presences.get(member);
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

  #quit(presence: Presence, room: string): void {
    if (presence.rooms.has(room)) this.#host.context.directory.leave(presence, room);
  }

  #hear(topic: string): void {
    if (this.#subscriptions.hear(topic)) this.#host.heard(this, topic);
  }

  /** libzmq tells subscriptions one by one, in byte order: names are worked out when the burst is over. */
  #renameSoon(): void {
    if (!this.#infers && this.peer.principal?.scopes.has("proxy") !== true) return;
    const { clock, limits } = this.#host.context;
    this.#cancelNaming ??= clock.after(limits.zmqNamingMs, () => {
      this.#rename();
    });
  }

  #rename(): void {
    this.#cancelNaming?.();
    this.#cancelNaming = undefined;
    const { principal, declared, socketType, subscriptions } = this.peer;
    const before = this.#naming.member;
    this.#naming = namingOf({
      principal,
      declared,
      socketType,
      topics: this.#subscriptions.heard,
      proxied: principal === undefined ? new Set() : this.#host.context.identity.proxied(principal),
      namesMax: this.#host.context.limits.zmqNamesMax,
      isFree: (name) => this.#isFree(name),
    });
    const { member, names } = this.#naming;
    this.#presences.follow(this.#naming);
    const own = this.#own;
    if (own !== undefined && names.has(own)) this.#hear(own);
    if (member === before) return;
    const former = before === undefined ? undefined : this.#presences.get(before);
    if (former !== undefined) for (const room of [...former.rooms]) this.#quit(former, room);
    if (member !== undefined) for (const topic of subscriptions) if (isRoom(topic)) this.#settle(topic);
  }
}

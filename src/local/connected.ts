import { asFault, brokerTopic, Fault, isAgentName, isRoom, principal as principalOf, subscriptionKind, eventsTopic, type Principal } from "../core/index.js";
import type { Presence } from "../services/index.js";
import type { SubscriberPeer } from "../zmtp/index.js";
import type { LocalContext } from "./context.js";
import type { Faults } from "./faults.js";
import { namingOf, type Naming } from "./naming.js";

/** What one connection tells the rest of the folder. */
export interface ConnectedEvents {
  arrived(connected: Connected, name: string): void;
  left(connected: Connected, name: string, graceMs: number): void;
}

/** A connection on the subscriber door: its names, its presence under each, what it hears. */
export class Connected {
  readonly peer: SubscriberPeer;
  naming: Naming = { source: "inferred", names: [], member: undefined };
  readonly #context: LocalContext;
  readonly #faults: Faults;
  readonly #events: ConnectedEvents;
  // bound: zmqSubscriptionsMax · evicts: the listener refuses one more · owner: Connected
  readonly #heard = new Map<string, () => void>();
  // bound: zmqSubscriptionsMax · evicts: a subscription leaves when it is cancelled · owner: Connected
  readonly #asleep = new Set<string>();
  // bound: zmqSubscriptionsMax · evicts: a name leaves with its subscription · owner: Connected
  readonly #presences = new Map<string, Presence>();
  #cancelNaming: (() => void) | undefined;
  #cancelShow: (() => void) | undefined;

  constructor(peer: SubscriberPeer, context: LocalContext, faults: Faults, events: ConnectedEvents) {
    this.peer = peer;
    this.#context = context;
    this.#faults = faults;
    this.#events = events;
  }

  /** After READY: proved and declared names are online from here on, without SUBSCRIBE. @throws Fault */
  open(): void {
    const { declared, principal } = this.peer;
    if (principal === undefined && declared !== undefined) {
      if (!isAgentName(declared)) throw new Fault("malformed", `X-Agent: ${declared} cannot be an agent's name`);
      if (this.#context.identity.isProtected(declared)) {
        throw new Fault("forbidden", `the name ${declared} has an owner: connect by PLAIN with its token (broker token ${declared})`);
      }
    }
    if (principal !== undefined) this.#context.identity.remember(principal.agent);
    this.#rename();
    for (const name of this.naming.names) this.#hear(name);
  }

  /** Its presence under `name`, or under the name it is a member with. */
  presence(name: string | undefined = this.naming.member): Presence | undefined {
    return name === undefined ? undefined : this.#presences.get(name);
  }

  /** True if it subscribed to `topic` and hears it. */
  hears(topic: string): boolean {
    return this.#heard.has(topic);
  }

  subscribed(topic: string): void {
    const fault = this.#refusal(topic);
    if (fault !== undefined) {
      this.#sleep(topic, fault);
      return;
    }
    const kind = subscriptionKind(topic);
    const { router } = this.#context;
    if (kind === "tap") this.#heard.set(topic, router.tap(this.peer));
    else if (kind === "prefix") this.#heard.set(topic, router.subscribePrefix(topic, this.peer));
    else if (isRoom(topic)) this.#enter(topic);
    else this.#hear(topic);
    if (kind === "exact") this.#renameSoon();
  }

  unsubscribed(topic: string): void {
    this.#asleep.delete(topic);
    const declaredOwn = this.naming.source !== "inferred" && this.naming.source !== "proxy" && topic === this.naming.member;
    if (declaredOwn) return;
    this.#heard.get(topic)?.();
    this.#heard.delete(topic);
    if (isRoom(topic)) {
      const presence = this.presence();
      if (presence?.rooms.has(topic) === true) this.#context.directory.leave(presence, topic);
    }
    this.#renameSoon();
  }

  /** Its claimed name was proved by somebody else: it does not hear it any more. */
  lose(name: string): void {
    if (this.peer.principal !== undefined) return;
    this.#heard.get(name)?.();
    this.#heard.delete(name);
    const presence = this.#presences.get(name);
    this.naming = { ...this.naming, names: this.naming.names.filter((other) => other !== name), member: this.naming.member === name ? undefined : this.naming.member };
    if (presence !== undefined) this.#depart(name, presence, 0);
    this.#sleep(name, new Fault("forbidden", `the name ${name} has an owner now: connect by PLAIN with its token (broker token ${name})`));
  }

  /** Subscriptions that slept and may be heard now. */
  wake(): void {
    for (const topic of this.#asleep) {
      if (isRoom(topic) || this.#refusal(topic) !== undefined) continue;
      this.#asleep.delete(topic);
      if (this.peer.subscriptions.has(topic) || this.peer.declared === topic) this.subscribed(topic);
    }
  }

  /** Lists its names: it has spoken or asked. */
  show(): void {
    for (const presence of this.#presences.values()) presence.show();
  }

  /** Makes it a member of a room it asked for by `room.join`, and lets it hear the room. @throws Fault */
  join(room: string, presence: Presence): boolean {
    const joined = this.#context.directory.join(presence, room, { create: true });
    this.#hear(room);
    return joined;
  }

  leave(room: string, presence: Presence): boolean {
    this.#heard.get(room)?.();
    this.#heard.delete(room);
    return this.#context.directory.leave(presence, room);
  }

  close(): void {
    this.#cancelNaming?.();
    this.#cancelShow?.();
    for (const unsubscribe of this.#heard.values()) unsubscribe();
    this.#heard.clear();
    for (const [name, presence] of [...this.#presences]) this.#depart(name, presence);
  }

  #refusal(topic: string): Fault | undefined {
    const { principal, isLocal } = this.peer;
    const { identity, directory, dataTopics } = this.#context;
    if (subscriptionKind(topic) !== "exact") {
      if (principal === undefined ? isLocal : principal.scopes.has("observe")) return undefined;
      return new Fault("forbidden", `listening to everything${topic === "" ? "" : ` under ${topic}`} needs a token with scope observe (broker token NAME --scope observe)`);
    }
    if (topic === brokerTopic) return new Fault("forbidden", "what is for the broker is heard by the broker only; subscribe to $events");
    if (topic.startsWith("$") && topic !== eventsTopic && principal?.scopes.has("observe") !== true && !isLocal) {
      return new Fault("forbidden", `${topic} needs a token with scope observe`);
    }
    if (!isAgentName(topic) || dataTopics.includes(topic) || this.naming.names.includes(topic)) return undefined;
    if (principal !== undefined) {
      if (identity.proxied(principal).has(topic)) return undefined;
      if (identity.isProtected(topic) || directory.agent(topic) !== undefined) {
        return new Fault("forbidden", `${topic} is another agent's name; you hear what is for ${principal.agent}`);
      }
      return undefined;
    }
    return identity.isProtected(topic) ? new Fault("forbidden", `the name ${topic} has an owner: connect by PLAIN with its token (broker token ${topic})`) : undefined;
  }

  #sleep(topic: string, fault: Fault): void {
    this.#asleep.add(topic);
    this.#context.ledger.count("subscription-asleep");
    this.#context.log("warn", "a subscription sleeps", { remote: this.peer.remote, topic, why: fault.message });
    const name = this.naming.member;
    if (name !== undefined) this.#faults.tell(name, { code: fault.code, message: fault.message, detail: { subscription: topic } });
  }

  #hear(topic: string): void {
    if (!this.#heard.has(topic)) this.#heard.set(topic, this.#context.router.subscribe(topic, this.peer));
  }

  /** A room: membership where the connection has one name, else listening to what is public. */
  #enter(room: string): void {
    const presence = this.presence();
    try {
      if (presence !== undefined) this.#context.directory.join(presence, room, { create: true });
      else if (!this.#context.directory.mayHear(undefined, room)) throw new Fault("forbidden", `${room} is for invited members; prove your name by a token`);
      this.#hear(room);
    } catch (thrown) {
      this.#sleep(room, asFault(thrown));
    }
  }

  #renameSoon(): void {
    const { source } = this.naming;
    if (this.peer.principal === undefined && this.peer.declared !== undefined) return; // declared once and for all
    if (source === "proved" && this.peer.principal?.scopes.has("proxy") !== true) return;
    this.#cancelNaming ??= this.#context.clock.after(this.#context.limits.zmqNamingMs, () => {
      this.#cancelNaming = undefined;
      this.#rename();
    });
  }

  #rename(): void {
    const { identity, dataTopics, clock, limits } = this.#context;
    const proxied = this.peer.principal === undefined ? new Set<string>() : identity.proxied(this.peer.principal);
    const before = this.naming;
    this.naming = namingOf(this.peer, proxied, (name) => !dataTopics.includes(name) && !this.#asleep.has(name));
    for (const [name, presence] of [...this.#presences]) if (!this.naming.names.includes(name)) this.#depart(name, presence);
    for (const name of this.naming.names) if (!this.#presences.has(name)) this.#arrive(name);
    if (before.member !== undefined && before.member !== this.naming.member) {
      const presence = this.#presences.get(before.member);
      for (const room of [...(presence?.rooms ?? [])]) if (presence !== undefined) this.#context.directory.leave(presence, room);
    }
    if (this.naming.member !== undefined && this.naming.member !== before.member) {
      for (const topic of this.peer.subscriptions) if (isRoom(topic)) this.#enter(topic);
    }
    if (this.naming.source === "inferred" || this.naming.source === "proxy") {
      this.#cancelShow?.();
      this.#cancelShow = clock.after(limits.zmqInferredMs, () => {
        this.#cancelShow = undefined;
        this.show();
      });
    }
  }

  #arrive(name: string): void {
    const own = this.peer.principal;
    const speaker: Principal = own?.agent === name ? own : principalOf(name, own === undefined ? "claimed" : "proved", own?.proof === undefined ? {} : { proof: own.proof });
    const { source } = this.naming;
    try {
      const presence = this.#context.directory.arrive({
        principal: speaker,
        dialect: "zmq",
        listed: source === "proved" || source === "declared",
        ...((source === "proxy" || (own !== undefined && own.agent !== name)) && { via: "proxy" as const }),
      });
      this.#presences.set(name, presence);
      this.#events.arrived(this, name);
    } catch (thrown) {
      this.#context.ledger.count("agent-refused");
      this.#context.log("warn", "an agent was refused", { agent: name, why: asFault(thrown).message });
    }
  }

  #depart(name: string, presence: Presence, graceMs = this.#graceMs()): void {
    this.#presences.delete(name);
    presence.depart(graceMs);
    this.#events.left(this, name, graceMs);
  }

  /** How long its names stay online without it. */
  #graceMs(): number {
    const { graceDeclaredMs, graceInferredMs } = this.#context.limits;
    return this.naming.source === "inferred" || this.naming.source === "proxy" ? graceInferredMs : graceDeclaredMs;
  }
}

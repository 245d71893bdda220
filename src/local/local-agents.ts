import { asFault, everyone, notThere, type Lifecycle, type Message, type Principal } from "../core/index.js";
import type { PublisherPeer, SubscriberPeer, ZmtpPolicy } from "../zmtp/index.js";
import { Broadcast } from "./broadcast.js";
import { Connected } from "./connected.js";
import type { LocalContext } from "./context.js";
import { Desk } from "./desk.js";
import { DroppedEvents } from "./dropped-events.js";
import { EarlyMessages } from "./early.js";
import { Faults } from "./faults.js";
import { HeldMessages } from "./held.js";
import { Look } from "./look.js";

/** How often drops are told and sleepers looked at, milliseconds. */
const tickMs = 1_000;

/** What ZeroMQ connections mean: who they are, what they may hear and say, and what they are told. The ZMTP listener asks, this answers. */
export class LocalAgents implements ZmtpPolicy, Lifecycle {
  readonly #context: LocalContext;
  readonly #faults: Faults;
  readonly #look: Look;
  readonly #held: HeldMessages;
  readonly #early: EarlyMessages;
  readonly #desk: Desk;
  // bound: zmqConnectionsMax · evicts: the listener refuses one more · owner: LocalAgents
  readonly #connected = new Map<SubscriberPeer, Connected>();
  // bound: agentsMax · evicts: a name leaves with its last connection · owner: LocalAgents
  readonly #byName = new Map<string, Set<Connected>>();
  readonly #dropped: DroppedEvents;
  #end: (() => void)[] = [];
  #cancelTick: () => void = () => undefined;

  constructor(context: LocalContext) {
    this.#context = context;
    this.#faults = new Faults(context);
    this.#dropped = new DroppedEvents(context);
    const undelivered = (message: Message): void => {
      this.#undelivered(message);
    };
    this.#held = new HeldMessages(context, undelivered);
    this.#early = new EarlyMessages(context, undelivered);
    this.#look = new Look({
      context,
      faults: this.#faults,
      spoke: (agent) => {
        this.#show(agent);
      },
      holdEarly: (message) => this.#early.hold(message),
    });
    this.#desk = new Desk(context, { faults: this.#faults, connection: (agent) => this.#one(agent) });
  }

  start(): Promise<void> {
    const { router } = this.#context;
    this.#end = [router.subscribe(everyone, new Broadcast(() => this.#connected.values())), this.#desk.open()];
    this.#early.start();
    this.#cancelTick = this.#context.clock.after(tickMs, () => {
      this.#tick();
    });
    return Promise.resolve();
  }

  drain(): Promise<void> {
    this.#early.end();
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#early.end();
    this.#held.close();
    this.#cancelTick();
    for (const end of this.#end.splice(0)) end();
    return Promise.resolve();
  }

  get checksFrom(): boolean {
    return this.#context.identity.protectedCount > 0;
  }

  isProtected(name: string): boolean {
    return this.#context.identity.isProtected(name);
  }

  authenticate(user: string, password: string): Principal {
    return this.#context.identity.plain(user, password);
  }

  publisherReady(peer: PublisherPeer): void {
    if (peer.principal !== undefined) this.#context.identity.remember(peer.principal.agent);
  }

  publisherGone(): void {
    // A publisher has no state here: whoever only publishes is never online.
  }

  subscriberReady(peer: SubscriberPeer): void {
    const connected = new Connected(peer, this.#context, this.#faults, {
      arrived: (who, name) => {
        this.#arrived(who, name);
      },
      left: (who, name, graceMs) => {
        this.#left(who, name, graceMs);
      },
    });
    connected.open();
    this.#connected.set(peer, connected);
    for (const name of connected.naming.names) this.#back(name);
  }

  subscribed(peer: SubscriberPeer, topic: string): void {
    this.#connected.get(peer)?.subscribed(topic);
    this.#back(topic);
  }

  unsubscribed(peer: SubscriberPeer, topic: string): void {
    this.#connected.get(peer)?.unsubscribed(topic);
  }

  subscriberGone(peer: SubscriberPeer): void {
    this.#connected.get(peer)?.close();
    this.#connected.delete(peer);
  }

  look(message: Message, peer: PublisherPeer): void {
    try {
      this.#look.message(message, peer);
    } catch (thrown) {
      this.#context.log("error", "looking at a message failed", { cause: String(asFault(thrown).cause) });
    }
  }

  #one(agent: string): Connected | undefined {
    for (const connected of this.#byName.get(agent) ?? []) return connected;
    return undefined;
  }

  #show(agent: string): void {
    for (const connected of this.#byName.get(agent) ?? []) connected.show();
  }

  #arrived(connected: Connected, name: string): void {
    const known = this.#byName.get(name);
    if (known === undefined) this.#byName.set(name, new Set([connected]));
    else known.add(connected);
  }

  /** A name has been proved: connections that only claim it do not hear it any more (protocols §2). */
  proved(name: string): void {
    for (const connected of [...(this.#byName.get(name) ?? [])]) connected.lose(name);
  }

  /** Once a second: drops are told, and sleepers whose reason has gone wake. */
  #tick(): void {
    const { clock } = this.#context;
    for (const connected of this.#connected.values()) {
      this.#dropped.look(connected);
      connected.wake();
    }
    this.#cancelTick = clock.after(tickMs, () => {
      this.#tick();
    });
  }

  /** Somebody hears a name again: what was held for it goes out before anything new. */
  #back(name: string): void {
    const route = this.#context.router.route(name);
    if (route === undefined || route.wires.length === 0) return;
    this.#held.release(name);
    this.#early.release(name);
  }

  #left(connected: Connected, name: string, graceMs: number): void {
    const known = this.#byName.get(name);
    known?.delete(connected);
    if (known === undefined || known.size > 0) return;
    this.#byName.delete(name);
    this.#held.begin(name);
    this.#context.clock.after(graceMs, () => {
      if (!this.#byName.has(name)) this.#held.expire(name);
    });
  }

  /** A held message that nobody took in the end. */
  #undelivered(message: Message): void {
    const envelope = message.envelope;
    if (envelope?.type !== "request") return;
    this.#faults.tell(envelope.from, { code: "not-found", message: notThere(message.topic), inReplyTo: envelope.message_id, detail: { to: message.topic } });
  }
}

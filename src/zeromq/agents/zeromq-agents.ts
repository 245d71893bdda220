import {
  Fault,
  asFault,
  everyone,
  type Envelope,
  type Lifecycle,
  type Message,
  type Principal,
  type Subscriber,
} from "../../core/index.js";
import type { Asker, Askers, Seat } from "../../desk/index.js";
import { DroppedEvents } from "../../directory/index.js";
import { FailedLogins, type TokenEnd } from "../../identity/index.js";
import type { PublisherPeer, SubscriberPeer, ZmtpPolicy } from "../wire/index.js";
import { Connected, type ConnectedHost } from "./agent-connection.js";
import type { ZeromqContext } from "./context.js";
import { Faults, isZmtpPeer, tellUndelivered } from "./fault-notices.js";
import { Logins } from "./logins.js";
import { Look } from "./message-intake.js";
import { Roll } from "./names.js";
import { declaredFault, isOwned } from "./rights.js";
import { Sleepers } from "./subscriptions.js";
import { TimedRequests } from "./timed-requests.js";
import { Graces, Holding, StartHold } from "./waiting-messages.js";

/** Rights are looked at again this often, where nothing tells that they have changed. */
const roundMs = 1_000;

/**
 * What ZeroMQ connections mean: who they are, what they may hear and say, and what they are told. The ZMTP listener
 * asks, this answers.
 */
export class ZeromqAgents implements ZmtpPolicy, Askers, Lifecycle {
  readonly #context: ZeromqContext;
  readonly #roll = new Roll<Connected>();
  readonly #sleepers = new Sleepers();
  readonly #faults: Faults;
  readonly #graces: Graces;
  readonly #startHold: StartHold;
  readonly #requests: TimedRequests;
  readonly #look: Look;
  readonly #droppedEvents: DroppedEvents;
  readonly #failedLogins: FailedLogins;
  readonly #logins: Logins;
  readonly #host: ConnectedHost;
  // bound: zmqConnectionsMax · evicts: the listener refuses one more · owner: ZeromqAgents
  readonly #connected = new Map<object, Connected>();
  #protectedCount = 0;
  #cancelRound: (() => void) | undefined;
  #ends: (() => void)[] = [];

  constructor(context: ZeromqContext) {
    this.#context = context;
    const faults = new Faults(context, this.#roll);
    const holding = new Holding(context.limits, context.ledger);
    this.#faults = faults;
    this.#graces = new Graces({
      context,
      holding,
      undelivered: (message, why) => {
        tellUndelivered(message, why, faults);
      },
    });
    this.#requests = new TimedRequests(context, faults);
    this.#look = new Look({
      context,
      faults,
      requests: this.#requests,
      spoke: (agent) => {
        this.#show(agent);
      },
      hold: (message, publisher) => this.#startHold.hold(message, publisher),
    });
    this.#startHold = new StartHold(context, holding, (message, publisher) => {
      this.#look.judge(message, publisher);
    });
    this.#droppedEvents = new DroppedEvents(context.exchange, context.clock);
    this.#failedLogins = new FailedLogins(context.limiter, context.limits);
    this.#logins = new Logins(context.witness);
    this.#host = this.#makeHost();
  }

  start(): Promise<void> {
    const { identity, router } = this.#context;
    this.#ends = [router.subscribe(everyone, new Broadcast(() => this.#connected.values()))];
    this.#protectedCount = identity.protectedCount;
    this.#startHold.start();
    this.#roundLater();
    return Promise.resolve();
  }

  drain(): Promise<void> {
    this.#startHold.end();
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#startHold.end();
    this.#graces.close();
    this.#faults.close();
    this.#cancelRound?.();
    for (const end of this.#ends.splice(0)) end();
    return Promise.resolve();
  }

  get checksFrom(): boolean {
    const { identity, directory } = this.#context;
    return identity.protectedCount > 0 || directory.nonZmqPresences > 0;
  }

  isProtected(name: string): boolean {
    return isOwned(name, this.#context);
  }

  authenticate(user: string, password: string, remote: string): Principal {
    try {
      const barred = this.#failedLogins.barred(remote);
      if (barred !== undefined) throw barred;
      return this.#context.identity.plain(user, password);
    } catch (thrown) {
      if (thrown instanceof Fault && thrown.code === "unauthenticated") this.#failedLogins.add(remote);
      this.#logins.refused(user, remote, thrown);
      throw thrown;
    }
  }

  publisherReady(peer: PublisherPeer): void {
    const { declared, principal } = peer;
    if (principal !== undefined) {
      this.#context.identity.remember(principal.agent);
    } else if (declared !== undefined) {
      const fault = declaredFault(declared, this.#context);
      if (fault !== undefined) throw this.#logins.refused(declared, peer.remote, fault);
    }
    this.#logins.add(peer);
  }

  /** Whoever only publishes was never online. */
  publisherGone(peer: PublisherPeer): void {
    this.#logins.delete(peer);
    this.#faults.forget(peer);
    this.#requests.forget(peer);
    this.#context.limiter.forget(deskKey(peer.id));
  }

  subscriberReady(peer: SubscriberPeer): void {
    const connected = new Connected(peer, this.#host);
    connected.open();
    this.#connected.set(peer, connected);
    this.#logins.add(peer);
  }

  subscribed(peer: SubscriberPeer, topic: string): void {
    this.#connected.get(peer)?.subscribed(topic);
  }

  unsubscribed(peer: SubscriberPeer, topic: string): void {
    this.#connected.get(peer)?.unsubscribed(topic);
  }

  subscriberGone(peer: SubscriberPeer): void {
    this.#connected.get(peer)?.close();
    this.#connected.delete(peer);
    this.#logins.delete(peer);
    this.#faults.forget(peer);
  }

  /** Cuts the connections whose token has ended. */
  endTokens(endOf: (tokenId: string) => TokenEnd | undefined): void {
    this.#logins.endTokens(endOf);
  }

  /** A name has just been proved: connections that only claim it hear it no more (protocols §2). */
  proved(name: string): void {
    for (const wire of this.#context.router.route(name)?.wires ?? []) this.#connected.get(wire)?.reconsider(name);
  }

  look(message: Message, peer: PublisherPeer): void {
    try {
      this.#look.message(message, peer);
    } catch (thrown) {
      this.#context.log("error", "looking at a message failed", { cause: String(asFault(thrown).cause) });
    }
  }

  /** Whoever only publishes hears no answer, and nobody else may be made to hear it. */
  askerOf({ origin }: Message, { from }: Envelope): Asker | undefined {
    const seen = (): void => {
      this.#show(from);
    };
    if (!isZmtpPeer(origin)) {
      return {
        chargedTo: deskKey(from),
        seats: [],
        refused: (notice) => {
          this.#faults.tellSession(from, notice);
        },
        seen,
      };
    }
    const connections = this.#roll.ownBy(from, origin);
    if (connections.length === 0) return undefined;
    return {
      chargedTo: deskKey(origin.id),
      seats: connections.flatMap((connected) => seatOf(connected, from)),
      refused: (notice) => {
        this.#faults.tell(from, notice, origin);
      },
      seen,
    };
  }

  #makeHost(): ConnectedHost {
    return {
      context: this.#context,
      sleepers: this.#sleepers,
      faults: this.#faults,
      arrived: (connected, name) => {
        this.#roll.add(connected, name);
      },
      left: (connected, name, graceMs) => {
        this.#roll.remove(connected, name);
        if (graceMs > 0 && this.#roll.bearers(name).size === 0) this.#graces.begin(name, graceMs);
      },
      heard: (connected, topic) => {
        if (connected.mayBear(topic)) this.#graces.giveTo(topic, connected.peer);
        this.#startHold.release(topic);
      },
    };
  }

  #show(agent: string): void {
    for (const connected of this.#roll.bearers(agent)) connected.show(agent);
  }

  #roundLater(): void {
    this.#cancelRound = this.#context.clock.after(roundMs, () => {
      this.#sleepers.round();
      this.#checkNames();
      for (const connected of this.#connected.values()) this.#droppedEvents.report(connected);
      this.#roundLater();
    });
  }

  /** A token that another process issued closes its name for those who only claim it. */
  #checkNames(): void {
    const { identity } = this.#context;
    const before = this.#protectedCount;
    this.#protectedCount = identity.protectedCount;
    if (this.#protectedCount === before) return;
    for (const connected of this.#connected.values())
      for (const name of connected.claims()) if (isOwned(name, this.#context)) connected.reconsider(name);
  }
}

function deskKey(asker: string): string {
  return `desk ${asker}`;
}

function seatOf(connected: Connected, name: string): Seat[] {
  const presence = connected.presence(name);
  if (presence === undefined) return [];
  return [
    {
      presence,
      wants: (topic) => connected.peer.subscriptions.has(topic),
      join: (room) => connected.join(presence, room),
      leave: (room) => connected.leave(presence, room),
    },
  ];
}

/**
 * Brings what is for `all` to ZeroMQ agents that have not subscribed to it, on their own topic: one copy per
 * connection, none to the speaker.
 */
export class Broadcast implements Subscriber {
  readonly #connections: () => Iterable<Connected>;

  constructor(connections: () => Iterable<Connected>) {
    this.#connections = connections;
  }

  deliver(message: Message, observed: boolean): boolean {
    if (observed) return false;
    const from = message.envelope?.from;
    let some = false;
    for (const connected of this.#connections()) {
      if (connected.hearsEveryone) continue;
      const name = connected.agent;
      if (name === undefined || (from !== undefined && connected.bears(from))) continue;
      if (connected.peer.deliverAs(name, message)) some = true;
    }
    return some;
  }
}

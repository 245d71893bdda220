import {
  asFault,
  everyone,
  noticeOf,
  Slices,
  type Envelope,
  type Fault,
  type FaultNotice,
  type Lifecycle,
  type Message,
  type Principal,
} from "../../core/index.js";
import type { Asker, Askers } from "../../desk/index.js";
import { DroppedEvents, type Seat } from "../../directory/index.js";
import type { Claim, Claimants, TokenEnd } from "../../identity/index.js";
import type { PublisherPeer, SubscriberPeer, ZmtpPeer, ZmtpPolicy } from "../wire/index.js";
import { AgentConnection, type AgentConnectionEvents } from "./agent-connection.js";
import type { ZeromqContext } from "./context.js";
import { DoubledNames } from "./doubled-names.js";
import { FaultNotices, isZmtpPeer } from "./fault-notices.js";
import { Logins } from "./logins.js";
import { MessageIntake } from "./message-intake.js";
import { ConnectionsByName } from "./names.js";
import { declaredFault, isOwned, ownedFault } from "./rights.js";
import { SleepingSubscriptions } from "./subscriptions.js";
import { TimedRequests } from "./timed-requests.js";
import { ReconnectWait, StartWait, WaitingMemory } from "./waiting-messages.js";

/** Rights are checked again this often, where nothing tells that they have changed. */
const roundMs = 1_000;

/**
 * What ZeroMQ connections mean: who they are, what they may hear and say, and what they are told. The ZMTP listener
 * asks, this answers.
 */
export class ZeromqAgents implements ZmtpPolicy, Askers, Claimants, Lifecycle {
  readonly #context: ZeromqContext;
  readonly #byName = new ConnectionsByName<AgentConnection>();
  readonly #sleeping = new SleepingSubscriptions();
  /** Subscriptions that become rooms and names, and what waits for names: more than one turn may have time for. */
  readonly #slices: Slices;
  readonly #faults: FaultNotices;
  readonly #reconnectWait: ReconnectWait;
  readonly #startWait: StartWait;
  readonly #requests: TimedRequests;
  readonly #intake: MessageIntake;
  readonly #droppedEvents: DroppedEvents;
  readonly #doubled: DoubledNames;
  readonly #logins: Logins;
  readonly #connectionEvents: AgentConnectionEvents;
  // bound: zmqConnectionsMax · evicts: the listener refuses one more · owner: ZeromqAgents
  readonly #connections = new Map<object, AgentConnection>();
  // bound: zmqConnectionsMax: each waits for one answer of the desk at most · evicts: with the answer, or with the
  // connection · owner: ZeromqAgents
  readonly #waiting = new Map<object, () => void>();
  #cancelRound: (() => void) | undefined;
  #endBroadcasts: (() => void) | undefined;

  constructor(context: ZeromqContext) {
    this.#context = context;
    const memory = new WaitingMemory(context.limits, context.ledger);
    this.#faults = new FaultNotices(context, this.#byName);
    const slices = new Slices(context.clock, {
      failed: (thrown) => {
        context.log("error", "work that was put off failed", { cause: String(thrown) });
      },
    });
    this.#slices = slices;
    this.#reconnectWait = new ReconnectWait(context, memory, slices, (message, why) => {
      this.#faults.tellUndelivered(message, why);
    });
    this.#startWait = new StartWait(context, memory, slices, (message, publisher) => {
      this.#intake.route(message, publisher);
    });
    this.#requests = new TimedRequests(context, this.#faults);
    this.#intake = new MessageIntake(context, this.#faults, this.#requests, {
      spoke: (agent) => {
        this.#show(agent);
      },
      waitAtStart: (message, publisher) => this.#startWait.keep(message, publisher),
    });
    this.#droppedEvents = new DroppedEvents(context.exchange, context.clock);
    this.#doubled = new DoubledNames(context);
    this.#logins = new Logins(context);
    this.#connectionEvents = {
      arrived: (connection, name) => {
        this.#byName.add(connection, name);
        // The operator's tools may be there more than once.
        const { principal, remote } = connection.peer;
        if (principal?.scopes.has("operate") !== true) this.#doubled.joined(name, this.#byName.of(name).size, remote);
      },
      left: (connection, name, graceMs) => {
        this.#byName.remove(connection, name);
        this.#doubled.left(name, this.#byName.of(name).size);
        if (graceMs > 0 && this.#byName.of(name).size === 0) this.#reconnectWait.begin(name, graceMs);
      },
      heard: (connection, topic) => {
        if (connection.mayReceiveFor(topic)) this.#reconnectWait.giveTo(topic, connection.peer);
        this.#startWait.release(topic);
      },
    };
  }

  start(): Promise<void> {
    const { router } = this.#context;
    this.#endBroadcasts = router.subscribe(everyone, {
      deliver: (message, observed) => !observed && this.#broadcast(message),
    });
    this.#startWait.start();
    this.#roundLater();
    return Promise.resolve();
  }

  drain(): Promise<void> {
    this.#startWait.end();
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#startWait.end();
    this.#reconnectWait.close();
    this.#faults.close();
    this.#cancelRound?.();
    this.#endBroadcasts?.();
    this.#endBroadcasts = undefined;
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
    return this.#logins.authenticate(user, password, remote);
  }

  keepProof(principal: Principal, remote: string): Promise<void> | undefined {
    return this.#context.identity.remember(principal, remote);
  }

  /**
   * What it says in a declared name that somebody else has now is refused message by message, until the name is free.
   */
  publisherReady(peer: PublisherPeer): void {
    const { declared, principal } = peer;
    if (principal !== undefined) {
      this.#context.identity.proved(principal.agent);
    } else if (declared !== undefined) {
      const fault = declaredFault(declared, this.#context);
      if (fault !== undefined) {
        this.#logins.refused(declared, peer.remote, fault);
        throw fault;
      }
    }
    this.#admit(peer);
  }

  /** An agent that only publishes was never online, so nobody is told that it is gone. */
  publisherGone(peer: PublisherPeer): void {
    this.#waiting.get(peer)?.();
    this.#logins.delete(peer);
    this.#faults.forget(peer);
    this.#requests.forget(peer);
    this.#context.limiter.forget(deskKey(peer.id));
  }

  subscriberReady(peer: SubscriberPeer): void {
    const connection = new AgentConnection(
      peer,
      this.#context,
      { sleeping: this.#sleeping, slices: this.#slices },
      this.#faults,
      this.#connectionEvents,
    );
    connection.open();
    this.#connections.set(peer, connection);
    this.#admit(peer);
  }

  refused(peer: ZmtpPeer, fault: Fault, topic?: string): void {
    const connection = this.#connections.get(peer);
    const name = connection === undefined ? (peer.principal?.agent ?? peer.declared) : (connection.agent ?? topic);
    if (name === undefined) this.#context.ledger.count("fault-untold");
    else if (connection === undefined) this.#faults.tell(name, noticeOf(fault), peer);
    else this.#faults.tellConnection(connection.peer, name, noticeOf(fault));
  }

  subscribed(peer: SubscriberPeer, topic: string): void {
    this.#connections.get(peer)?.subscribed(topic);
  }

  unsubscribed(peer: SubscriberPeer, topic: string): void {
    this.#connections.get(peer)?.unsubscribed(topic);
  }

  subscriberGone(peer: SubscriberPeer): void {
    this.#connections.get(peer)?.close();
    this.#connections.delete(peer);
    this.#logins.delete(peer);
    this.#faults.forget(peer);
  }

  /** Tells an agent, of whatever dialect, what became of something that it said: so much in a second and no more. */
  tell(agent: string, notice: FaultNotice): void {
    this.#faults.tellSession(agent, notice);
  }

  /** Closes the connections whose token has ended. */
  endTokens(endOf: (tokenId: string) => TokenEnd | undefined): void {
    this.#logins.endTokens(endOf);
  }

  /** The names of connections, by their ids: also those that follow from subscriptions. */
  names(): ReadonlyMap<string, string> {
    return new Map(
      [...this.#connections.values()].flatMap(({ agent, peer }): [string, string][] =>
        agent === undefined ? [] : [[peer.id, agent]],
      ),
    );
  }

  /** Names that connections hear and do not prove. */
  *claims(): Iterable<Claim> {
    for (const connection of this.#connections.values())
      for (const name of connection.claims())
        yield {
          name,
          lose: () => {
            if (this.#connections.get(connection.peer) === connection) connection.reconsider(name);
          },
        };
  }

  /** A name has just been proved: connections that only claim it stop hearing it (ZeroMQ §5.7). */
  proved(name: string): void {
    for (const wire of this.#context.router.route(name)?.wires ?? []) this.#connections.get(wire)?.reconsider(name);
  }

  received(message: Message, peer: PublisherPeer): void {
    try {
      this.#intake.take(message, peer);
    } catch (thrown) {
      this.#context.log("error", "taking in a message failed", { cause: String(asFault(thrown).cause) });
    }
  }

  /** An agent that only publishes hears no answer, and nobody else is made to hear it. */
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
        whenGone: () => () => undefined, // a session that asks in its own words is told itself
        seen,
      };
    }
    const connections = this.#byName.ofSender(from, origin);
    if (connections.length === 0) return undefined;
    return {
      chargedTo: deskKey(origin.id),
      seats: connections.flatMap((connection) => seatOf(connection, from)),
      place: (instance) => this.#byName.placeOf(from, instance),
      refused: (notice) => {
        this.#faults.tell(from, notice, origin);
      },
      whenGone: (run) => {
        this.#waiting.set(origin, run);
        return () => void this.#waiting.delete(origin);
      },
      seen,
    };
  }

  /**
   * Brings a message to `all` to the agents that have not subscribed to that topic, on their own topic: one copy for
   * each connection, none for the speaker. @returns false if nobody got it
   */
  #broadcast(message: Message): boolean {
    const from = message.envelope?.from;
    let isDelivered = false;
    for (const connection of this.#connections.values()) {
      if (connection.hearsEveryone) continue;
      const name = connection.agent;
      if (name === undefined || (from !== undefined && connection.hasName(from))) continue;
      if (connection.peer.deliverAs(name, message)) isDelivered = true;
    }
    return isDelivered;
  }

  /** A connection was let in: that is a login, unless its name sleeps. */
  #admit(peer: ZmtpPeer): void {
    const { declared, principal, remote } = peer;
    if (principal === undefined && declared !== undefined && isOwned(declared, this.#context))
      this.#logins.refused(declared, remote, ownedFault(declared, this.#context));
    else this.#logins.add(peer);
  }

  #show(agent: string): void {
    for (const connection of this.#byName.of(agent)) connection.show(agent);
  }

  #roundLater(): void {
    this.#cancelRound = this.#context.clock.after(roundMs, () => {
      this.#sleeping.tryAgain();
      this.#doubled.round();
      for (const connection of this.#connections.values()) this.#droppedEvents.report(connection);
      this.#roundLater();
    });
  }
}

/** The key by which the rate limiter counts what is asked at the desk. */
function deskKey(asker: string): string {
  return `desk ${asker}`;
}

function seatOf(connection: AgentConnection, name: string): Seat[] {
  const presence = connection.presence(name);
  if (presence === undefined) return [];
  return [
    {
      presence,
      wants: (topic) => connection.peer.subscriptions.has(topic),
      join: (room) => connection.join(presence, room),
      leave: (room) => connection.leave(presence, room),
    },
  ];
}

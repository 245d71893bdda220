import {
  brokerTopic,
  everyone,
  eventsTopic,
  Fault,
  hearFault,
  partyOf,
  provesAtLeast,
  sightOf,
  topicKind,
  type Principal,
  type Origin,
  type Subscriber,
} from "../../core/index.js";
import type { Presence, Recalled, RoomCursor, Wanted } from "../../directory/index.js";
import type { EngineContext } from "./context.js";
import { LiveSince } from "./live-since.js";
import type { NameHolder } from "./name-conflicts.js";

const noRooms: ReadonlySet<string> = new Set([]);

/** What of a room's past is wanted by who joins: what follows a cursor, else so many of the last messages. */
export interface Remembering {
  readonly history?: number | undefined;
  readonly after?: RoomCursor | "last" | undefined;
}

/** The session, which hears the topics. */
export type TopicHearer = Subscriber & Origin;

/** Where one session is: its presence in the directory, its rooms, and the topics it hears. */
export class Membership {
  // bound: roomsPerAgentMax + sessionTopicsMax, topics of zmqTopicMaxBytes · evicts: subscribing one more is refused as
  // full · owner: Membership
  readonly #subscriptions = new Map<string, () => void>();
  readonly #context: EngineContext;
  readonly #dialect: string;
  readonly #hearer: TopicHearer;
  #presence: Presence | undefined;
  #isListed = true;
  /** The name that is being given up. */
  #former: string | undefined;
  /** Proofs on their way to the disk. */
  #proving = 0;
  /** Topics that are neither rooms nor names. */
  #topics = 0;
  /** The room had to go; it is heard no more. */
  readonly #putOut = (room: string): void => {
    this.#stop(room);
  };
  /** Durable rooms in which it was at once. */
  readonly liveSince = new LiveSince();
  #stage: "open" | "ended" = "open";

  constructor(context: EngineContext, dialect: string, hearer: TopicHearer) {
    this.#context = context;
    this.#dialect = dialect;
    this.#hearer = hearer;
  }

  /** The very principal of the presence; undefined before `enter`. */
  get principal(): Principal | undefined {
    return this.#presence?.principal;
  }

  /** @throws Fault unauthenticated before `enter` */
  get presence(): Presence {
    return this.#here();
  }

  get rooms(): ReadonlySet<string> {
    return this.#presence?.rooms ?? noRooms;
  }

  /** True while something that was proved is on its way to the disk. */
  get isProving(): boolean {
    return this.#proving > 0;
  }

  /** True if it hears `$events` itself. */
  get hearsEvents(): boolean {
    return this.#subscriptions.has(eventsTopic);
  }

  /**
   * Keeps what was proved, settles conflicts over the name, enters the directory, hears its own name and `all`, and
   * calls `entered` in the same turn.
   * @throws Fault conflict, full, going-away, unavailable
   */
  async enter(session: NameHolder, principal: Principal, listed: boolean, entered: () => void): Promise<void> {
    this.#mustBeNobody();
    await this.#keepProof(principal);
    await this.#context.names.enter(session, principal, () => {
      if (this.#stage === "ended") throw new Fault("going-away", "the connection closed while it logged in");
      this.#mustBeNobody();
      this.#isListed = listed;
      this.#presence = this.#arriving(principal);
      this.#hear(principal.agent);
      this.#hear(everyone);
      this.#hearRooms();
      this.#tellProved(principal);
      entered();
    });
  }

  /** The same agent, better proved. @throws Fault conflict if it is another agent, full, going-away, unavailable */
  async raise(principal: Principal): Promise<void> {
    const { name } = this.#here();
    if (principal.agent !== name)
      throw new Fault("conflict", `this session speaks for ${name}; what was proved is ${principal.agent}`);
    await this.#keepProof(principal);
    this.#mustBeOpen();
    this.#renew(principal);
  }

  /**
   * The session under another name (protocols §1.16); `renamed` is called in the same turn.
   * @throws Fault conflict, full, going-away, unavailable
   */
  async rename(session: NameHolder, principal: Principal, renamed: () => void): Promise<void> {
    const { names } = this.#context;
    this.#here();
    await this.#keepProof(principal);
    this.#mustBeOpen();
    // Another rename of this session came first: it must not be displaced by itself.
    if (this.#here().name === principal.agent) {
      this.#renew(principal);
      return;
    }
    await names.enter(session, principal, () => {
      this.#mustBeOpen();
      const before = this.#here().name;
      this.#renew(principal);
      names.leave(before, session);
      renamed();
    });
  }

  /** True for the name of the presence, and for the one that it is giving up. */
  isNamed(agent: string): boolean {
    return agent === this.#presence?.name || agent === this.#former;
  }

  /** {@link Remembering}, as the directory is asked for it: what the session has heard as it was said is not told again. */
  wanted(room: string, { after, history = 0 }: Remembering): Wanted {
    return after === undefined ? { count: history } : { after, until: this.liveSince.placeOf(room) };
  }

  /** To be waited for before `join`, if it is something. @throws Fault why it may not join */
  readyToJoin(room: string, options: { readonly create: boolean }): Promise<void> | undefined {
    return this.#context.services.directory.readyToJoin(this.presence, room, options);
  }

  /** Resolves when what has changed of memberships that outlive the session is on disk; undefined: it is. */
  kept(): Promise<void> | undefined {
    return this.#presence && this.#context.services.directory.kept(this.#presence);
  }

  /** Joins a room and hears it. @returns whether it is new there, and what was said before. */
  join(
    room: string,
    options: { readonly create: boolean } & Remembering,
  ): { readonly isNew: boolean; readonly recalled: Recalled } {
    const { directory } = this.#context.services;
    const presence = this.presence;
    const isNew = directory.join(presence, room, options);
    this.#hear(room);
    return { isNew, recalled: this.recall(room, this.wanted(room, options)) };
  }

  /**
   * What a room remembers, for who is in it or about to be.
   * @throws Fault not-found, forbidden
   */
  recall(room: string, wanted: Wanted): Recalled {
    return this.#context.services.directory.recall(room, wanted, this.presence.principal, true);
  }

  /** The session was given what it has recalled. */
  told(heardBy: Recalled["heardBy"]): void {
    heardBy(this.#hearer);
  }

  leave(room: string): boolean {
    const left = this.#context.services.directory.leave(this.#here(), room);
    if (left) this.#stop(room);
    return left;
  }

  /** A public room is heard at once, an invite-only one when it is on disk. */
  async create(room: string, options: { readonly inviteOnly: boolean }): Promise<void> {
    const made = this.#context.services.directory.create(this.#here(), room, options);
    if (options.inviteOnly) await made;
    this.#hear(room);
    await made;
  }

  invite(room: string, agent: string): Promise<void> {
    return this.#context.services.directory.invite(this.#here(), room, agent);
  }

  /**
   * @throws Fault forbidden (a room, a topic that may be somebody's name, or `$telemetry` without the scope), unsupported
   * (no topic of the broker's), full
   */
  subscribe(topic: string): void {
    if (this.#subscriptions.has(topic)) return;
    const context = this.#context;
    const kind = topicKind(topic);
    if (kind === "room") throw new Fault("forbidden", `${topic} is a room: join it`);
    if ((kind !== "broker" || topic === brokerTopic) && kind !== "data" && !context.dataTopics.has(topic)) {
      throw new Fault(
        "forbidden",
        `${topic} is or may be somebody's name; only topics that the broker's configuration lists can be heard`,
      );
    }
    const fault = hearFault(topic, sightOf(this.#here().principal.scopes) !== undefined);
    if (fault !== undefined) throw fault;
    const { sessionTopicsMax, zmqTopicMaxBytes } = context.limits;
    if (Buffer.byteLength(topic) > zmqTopicMaxBytes)
      throw new Fault("too-large", `a topic is ${zmqTopicMaxBytes} bytes at most; subscribe to a shorter one`);
    if (this.#topics >= sessionTopicsMax)
      throw new Fault(
        "full",
        `this session hears ${this.#topics} topics, which is as many as it can; unsubscribe from one first`,
      );
    this.#hear(topic);
    this.#topics += 1;
  }

  unsubscribe(topic: string): void {
    const kind = topicKind(topic);
    if (kind === "room" || kind === "everyone" || topic === this.principal?.agent || !this.#subscriptions.has(topic))
      return;
    this.#topics -= 1;
    this.#stop(topic);
  }

  /** Hears nothing any more and leaves the directory. */
  end(): void {
    this.#stage = "ended";
    for (const stop of this.#subscriptions.values()) stop();
    this.#subscriptions.clear();
    this.#presence?.depart();
  }

  /**
   * A new presence takes the place of the old one, and is there before that goes. Rooms that the new principal may not
   * enter are lost: the invitation was bound to the old one.
   * @throws Fault full: everything is as before
   */
  #renew(principal: Principal): void {
    const before = this.#here();
    const isRenamed = principal.agent !== before.name;
    if (!isRenamed && !provesAtLeast(principal.trust, before.principal.trust))
      throw new Fault("conflict", `this session has proved more of ${before.name} than this`);
    if (!isRenamed && before.principal.trust === "proved" && principal.proof !== before.principal.proof)
      throw new Fault(
        "conflict",
        `this session proves ${before.name} by another token or key; open another connection`,
      );
    const presence = this.#arriving(principal, before);
    this.#former = before.name;
    this.#presence = presence;
    this.#hearRooms();
    for (const room of [...before.rooms]) {
      try {
        // A room that is full has a place for the new name once the old one is out.
        if (isRenamed) this.#context.services.directory.leave(before, room, { renames: true });
        this.#context.services.directory.join(presence, room, { create: false });
      } catch (thrown) {
        if (!(thrown instanceof Fault)) throw thrown;
        this.#stop(room);
      }
    }
    const { trust, proof } = before.principal;
    if (isRenamed) {
      this.#hear(principal.agent);
      this.#stop(before.name);
    } else if (trust !== principal.trust || proof !== principal.proof) {
      // Anew, for the mailbox of the name: what waits in it may be this principal's, and was not the other's.
      this.#stop(before.name);
      this.#hear(before.name);
    }
    before.depart();
    this.#former = undefined;
    this.#tellProved(principal);
  }

  /** A proof is on disk before anybody hears of it. */
  async #keepProof(principal: Principal): Promise<void> {
    if (principal.trust !== "proved") return;
    this.#proving += 1;
    try {
      await this.#context.services.identity.remember(principal, this.#hearer.remote);
    } finally {
      this.#proving -= 1;
    }
    // Whoever has taken the name of a session that has ended meanwhile must lose it, too.
    if (this.#stage === "ended") this.#tellProved(principal);
  }

  /** Once it is here, so that nobody is told that the agent left when another connection loses the name. */
  #tellProved({ trust, agent }: Principal): void {
    if (trust === "proved") this.#context.services.identity.proved(agent);
  }

  #mustBeOpen(): void {
    // A handler that waited may still be running.
    if (this.#stage === "ended") throw new Fault("going-away", "the session has ended");
  }

  #mustBeNobody(): void {
    const { principal } = this.#hearer; // that of a viewer, too
    if (principal === undefined) return;
    throw new Fault("conflict", `this session speaks for ${principal.agent} already; open another connection`);
  }

  #arriving(principal: Principal, instead?: Presence): Presence {
    const { directory } = this.#context.services;
    const { id, remote } = this.#hearer;
    return directory.arrive({
      principal,
      party: partyOf({ id, remote, principal }),
      dialect: this.#dialect,
      listed: this.#isListed,
      mayBeAway: this.#isListed,
      putOut: this.#putOut,
      ...(instead !== undefined && { instead }),
    });
  }

  /** Rooms in which the agent was while it was away are heard at once. */
  #hearRooms(): void {
    for (const room of this.rooms) {
      if (this.#subscriptions.has(room)) continue;
      this.#hear(room);
      const { next } = this.recall(room, { count: 0 });
      if (next !== undefined) this.liveSince.begin(room, next.seq);
    }
  }

  #here(): Presence {
    if (this.#presence !== undefined) return this.#presence;
    if (this.#hearer.principal === undefined) throw new Fault("unauthenticated", "log in first");
    throw new Fault("forbidden", "this session looks at agents and is none: it is in no room and hears no topic");
  }

  #hear(topic: string): void {
    if (this.#subscriptions.has(topic)) return;
    this.#mustBeOpen();
    this.#subscriptions.set(topic, this.#context.router.subscribe(topic, this.#hearer));
  }

  #stop(topic: string): void {
    this.#subscriptions.get(topic)?.();
    this.#subscriptions.delete(topic);
    this.liveSince.end(topic);
  }
}

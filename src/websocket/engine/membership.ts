import {
  brokerTopic,
  everyone,
  eventsTopic,
  Fault,
  topicKind,
  type Envelope,
  type Principal,
  type Subscriber,
} from "../../core/index.js";
import type { Presence } from "../../directory/directory.js";
import type { BridgeContext } from "./context.js";

/** What {@link Membership} needs of its session. */
export interface MembershipOptions {
  readonly context: BridgeContext;
  readonly dialect: string;
  /** Hears the topics. */
  readonly subscriber: Subscriber;
}

const noRooms: ReadonlySet<string> = new Set([]);

/** Where one session is: its presence in the directory, its rooms, and the topics it hears. */
export class Membership {
  // bound: roomsPerAgentMax + sessionTopicsMax · evicts: subscribing one more is refused as full · owner: Membership
  readonly #subscriptions = new Map<string, () => void>();
  readonly #options: MembershipOptions;
  #presence: Presence | undefined;
  /** Topics that are neither rooms nor names. */
  #topics = 0;
  /** The room had to go; it is heard no more. */
  readonly #putOut = (room: string): void => {
    this.#stop(room);
  };
  #stage: "open" | "ended" = "open";

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /** The very principal of the presence; undefined before `arrive`. */
  get principal(): Principal | undefined {
    return this.#presence?.principal;
  }

  get rooms(): ReadonlySet<string> {
    return this.#presence?.rooms ?? noRooms;
  }

  /** True if it hears `$events` itself. */
  get hearsEvents(): boolean {
    return this.#subscriptions.has(eventsTopic);
  }

  /** Enters the directory and hears its own name and `all`. @throws Fault full */
  arrive(principal: Principal, listed: boolean): void {
    const { context, dialect } = this.#options;
    this.#presence = context.services.directory.arrive({ principal, dialect, listed, putOut: this.#putOut });
    this.#hear(principal.agent);
    this.#hear(everyone);
  }

  /**
   * The same agent, better proved. The new presence is there before the old one goes, so that nobody hears of either.
   */
  renew(principal: Principal): void {
    const { context, dialect } = this.#options;
    const before = this.#here();
    const presence = context.services.directory.arrive({ principal, dialect, putOut: this.#putOut });
    for (const room of before.rooms) {
      try {
        context.services.directory.join(presence, room, { create: false });
      } catch (thrown) {
        // The invitation was bound to the weaker proof: this room is lost, the others are not.
        if (!(thrown instanceof Fault)) throw thrown;
        this.#stop(room);
      }
    }
    this.#presence = presence;
    before.depart();
  }

  /** Joins a room and hears it. @returns whether it is new there, and what was said before. */
  join(
    room: string,
    options: { readonly create: boolean; readonly history?: number },
  ): { readonly isNew: boolean; readonly past: readonly Envelope[] } {
    const { directory } = this.#options.context.services;
    const presence = this.#here();
    const isNew = directory.join(presence, room, options);
    const past =
      options.history === undefined || options.history < 1
        ? []
        : directory.history(room, options.history, presence.principal);
    this.#hear(room);
    return { isNew, past };
  }

  leave(room: string): boolean {
    const left = this.#options.context.services.directory.leave(this.#here(), room);
    if (left) this.#stop(room);
    return left;
  }

  create(room: string, options: { readonly inviteOnly: boolean }): void {
    this.#options.context.services.directory.create(this.#here(), room, options);
    this.#hear(room);
  }

  invite(room: string, agent: string): void {
    this.#options.context.services.directory.invite(this.#here(), room, agent);
  }

  /** @throws Fault forbidden (a room, or a topic that may be somebody's name), full */
  subscribe(topic: string): void {
    if (this.#subscriptions.has(topic)) return;
    const { context } = this.#options;
    const kind = topicKind(topic);
    if (kind === "room") throw new Fault("forbidden", `${topic} is a room: join it`);
    if ((kind !== "broker" || topic === brokerTopic) && kind !== "data" && !context.dataTopics.has(topic)) {
      throw new Fault(
        "forbidden",
        `${topic} is or may be somebody's name; only topics that the broker's configuration lists can be heard`,
      );
    }
    if (this.#topics >= context.limits.sessionTopicsMax)
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

  #here(): Presence {
    if (this.#presence === undefined) throw new Fault("unauthenticated", "log in first");
    return this.#presence;
  }

  #hear(topic: string): void {
    if (this.#subscriptions.has(topic)) return;
    // A handler that waited may still be running.
    if (this.#stage === "ended") throw new Fault("going-away", "the session has ended");
    this.#subscriptions.set(topic, this.#options.context.router.subscribe(topic, this.#options.subscriber));
  }

  #stop(topic: string): void {
    this.#subscriptions.get(topic)?.();
    this.#subscriptions.delete(topic);
  }
}

import { isAgentName, subscriptionKind, type Router, type Slices } from "../../core/index.js";
import type { SubscriberPeer } from "../wire/index.js";

/** A subscription that the connection has no right to now. */
export interface SleepingSubscription {
  /** Checks the right again; true if the subscription no longer sleeps, or is gone. */
  tryAgain(): boolean;
}

/** At most this many are tried again in one round: what 20,000 connections want at once must not stop the loop. */
const triesPerRound = 1_000;
/** So many subscriptions of a connection that is gone are ended before others have their turn. */
const endedAtOnce = 500;

/**
 * All subscriptions that sleep (ZeroMQ §6.3): to names that have an owner, to rooms without an invitation, to topics
 * without the right. They are tried again one after the other.
 */
export class SleepingSubscriptions {
  // bound: zmqSubscriptionsMax and zmqNamesMax of each of zmqConnectionsMax, zmqSubscriptionsTotalMaxBytes in all ·
  // evicts: a subscription leaves when it wakes, is cancelled, or with its connection · owner: SleepingSubscriptions
  readonly #sleeping = new Set<SleepingSubscription>();

  get size(): number {
    return this.#sleeping.size;
  }

  /** The returned function takes it out. */
  add(subscription: SleepingSubscription): () => void {
    this.#sleeping.add(subscription);
    return () => {
      this.#sleeping.delete(subscription);
    };
  }

  /** Tries the next ones again, beginning with the one that was tried longest ago. */
  tryAgain(): void {
    let left = Math.min(triesPerRound, this.#sleeping.size);
    for (const subscription of this.#sleeping) {
      if (left === 0) return;
      left -= 1;
      this.#sleeping.delete(subscription);
      if (!subscription.tryAgain()) this.#sleeping.add(subscription);
    }
  }
}

/** The subscriptions of one connection: each is heard (exactly, by prefix, or as a tap), or sleeps. */
export class Subscriptions {
  // bound: zmqSubscriptionsMax and zmqSubscriptionsMaxBytes, and roomsPerAgentMax joined at the desk · evicts: the
  // listener ignores one more · owner: Subscriptions
  readonly #heard = new Map<string, () => void>();
  /** Those of `#heard` that can be agents' names. */
  // bound: zmqSubscriptionsMax · evicts: with the topic that is heard · owner: Subscriptions
  readonly #heardNames = new Set<string>();
  // bound: zmqSubscriptionsMax and zmqSubscriptionsMaxBytes · evicts: a subscription leaves when it wakes or is
  // cancelled · owner: Subscriptions
  readonly #asleep = new Map<string, () => void>();
  readonly #peer: SubscriberPeer;
  readonly #router: Router;
  readonly #sleeping: SleepingSubscriptions;
  readonly #tryAgain: (topic: string) => boolean;

  /** `tryAgain` checks the right to a sleeping topic again; it returns true if the topic no longer sleeps. */
  constructor(
    peer: SubscriberPeer,
    router: Router,
    sleeping: SleepingSubscriptions,
    tryAgain: (topic: string) => boolean,
  ) {
    this.#peer = peer;
    this.#router = router;
    this.#sleeping = sleeping;
    this.#tryAgain = tryAgain;
  }

  /** The agents' names among what it hears. */
  get heardNames(): Iterable<string> {
    return this.#heardNames;
  }

  hears(topic: string): boolean {
    return this.#heard.has(topic);
  }

  sleeps(topic: string): boolean {
    return this.#asleep.has(topic);
  }

  /** Hears `topic` from now on. @returns false if it did already */
  hear(topic: string): boolean {
    this.#wake(topic);
    if (this.#heard.has(topic)) return false;
    const kind = subscriptionKind(topic);
    const end =
      kind === "tap"
        ? this.#router.tap(this.#peer)
        : kind === "prefix"
          ? this.#router.subscribePrefix(topic, this.#peer)
          : this.#router.subscribe(topic, this.#peer);
    this.#heard.set(topic, end);
    if (kind === "exact" && isAgentName(topic)) this.#heardNames.add(topic);
    return true;
  }

  /** Stops hearing `topic` until `tryAgain` says that it may. @returns false if it slept already */
  sleep(topic: string): boolean {
    this.#silence(topic);
    if (this.#asleep.has(topic)) return false;
    this.#asleep.set(topic, this.#sleeping.add({ tryAgain: () => this.#tryAgain(topic) }));
    return true;
  }

  /** Stops hearing `topic`, or waiting for it. */
  end(topic: string): void {
    this.#wake(topic);
    this.#silence(topic);
  }

  /** Ends all of them: names at once, since their agents are gone, and the rest as the loop has time. */
  close(slices: Slices): void {
    for (const name of [...this.#heardNames]) this.end(name);
    const left = [...this.#heard.keys(), ...this.#asleep.keys()];
    for (let at = 0; at < left.length; at += endedAtOnce)
      slices.do(() => {
        for (const topic of left.slice(at, at + endedAtOnce)) this.end(topic);
      });
  }

  #wake(topic: string): void {
    this.#asleep.get(topic)?.();
    this.#asleep.delete(topic);
  }

  #silence(topic: string): void {
    this.#heard.get(topic)?.();
    this.#heard.delete(topic);
    this.#heardNames.delete(topic);
  }
}

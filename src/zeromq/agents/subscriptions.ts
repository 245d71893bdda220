import { subscriptionKind, type Router } from "../../core/index.js";
import type { SubscriberPeer } from "../wire/index.js";

/** What {@link Subscriptions} needs. */
export interface SubscriptionsOptions {
  readonly peer: SubscriberPeer;
  readonly router: Router;
  readonly sleepers: Sleepers;
  /** Judges a sleeping topic again; true if it sleeps no longer. */
  readonly tryAgain: (topic: string) => boolean;
}

/** What becomes of each subscription of one connection: heard (exactly, by prefix, as a tap), or asleep. */
export class Subscriptions {
  // bound: zmqSubscriptionsMax, and roomsPerAgentMax joined at the desk · evicts: the listener ignores one more ·
  // owner: Subscriptions
  readonly #heard = new Map<string, () => void>();
  // bound: zmqSubscriptionsMax · evicts: a sleeper leaves when it wakes or is cancelled · owner: Subscriptions
  readonly #asleep = new Map<string, () => void>();
  readonly #options: SubscriptionsOptions;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  /** What it hears. */
  get heard(): Iterable<string> {
    return this.#heard.keys();
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
    const { peer, router } = this.#options;
    const kind = subscriptionKind(topic);
    const end =
      kind === "tap"
        ? router.tap(peer)
        : kind === "prefix"
          ? router.subscribePrefix(topic, peer)
          : router.subscribe(topic, peer);
    this.#heard.set(topic, end);
    return true;
  }

  /** Hears it no longer, and waits for the day when it may. @returns false if it slept already */
  sleep(topic: string): boolean {
    this.#silence(topic);
    if (this.#asleep.has(topic)) return false;
    const { sleepers, tryAgain } = this.#options;
    this.#asleep.set(topic, sleepers.add({ tryAgain: () => tryAgain(topic) }));
    return true;
  }

  /** Neither hears it nor waits for it. */
  end(topic: string): void {
    this.#wake(topic);
    this.#silence(topic);
  }

  /** Ends all of them. */
  close(): void {
    for (const topic of [...this.#heard.keys(), ...this.#asleep.keys()]) this.end(topic);
  }

  #wake(topic: string): void {
    this.#asleep.get(topic)?.();
    this.#asleep.delete(topic);
  }

  #silence(topic: string): void {
    this.#heard.get(topic)?.();
    this.#heard.delete(topic);
  }
}

/** A subscription that is not heard for now. */
export interface Sleeper {
  /** Judges it again; true if it is awake or gone. */
  tryAgain(): boolean;
}

/** Sleepers that are judged again in one round: what 20,000 connections want at once must not stop the loop. */
const perRound = 1_000;

/**
 * All subscriptions that sleep: names that have an owner, rooms one is not invited to, rights one does not have. Tried
 * again in turn.
 */
export class Sleepers {
  // bound: zmqSubscriptionsMax of each of zmqConnectionsMax · evicts: a sleeper goes when it wakes, is cancelled, or
  // with its connection · owner: Sleepers
  readonly #asleep = new Set<Sleeper>();

  get size(): number {
    return this.#asleep.size;
  }

  /** The returned function takes it out. */
  add(sleeper: Sleeper): () => void {
    this.#asleep.add(sleeper);
    return () => {
      this.#asleep.delete(sleeper);
    };
  }

  /** One round: the longest untried first. */
  round(): void {
    let left = Math.min(perRound, this.#asleep.size);
    for (const sleeper of this.#asleep) {
      if (left === 0) return;
      left -= 1;
      this.#asleep.delete(sleeper);
      if (!sleeper.tryAgain()) this.#asleep.add(sleeper);
    }
  }
}

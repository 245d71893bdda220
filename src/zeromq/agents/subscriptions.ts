import { subscriptionKind, type Router } from "../../core/index.js";
import type { SubscriberPeer } from "../wire/index.js";
import type { Sleepers } from "./sleepers.js";

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

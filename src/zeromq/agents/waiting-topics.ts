import { isRoom, type Clock, type Slices } from "../../core/index.js";

/** So many are taken at once, before others have their turn. */
const takenAtOnce = 50;
/**
 * After a connection has another name, its rooms follow no sooner than this for each of its subscriptions and each of
 * its rooms before, milliseconds: a change of name is 10 bytes, and may have 20,000 rooms to enter.
 */
const topicMs = 0.01;
const roomMs = 0.2;
/** So many rooms are free of that. */
const freeRooms = 100;

/**
 * Subscriptions of one connection that are not heard yet: one chunk of bytes holds thousands, and each may make a room
 * and tell its members (ARCHITECTURE, invariant 11). Nearly always a subscription is taken at once.
 */
export class WaitingTopics {
  // bound: zmqSubscriptionsMax · evicts: a topic leaves when it is taken, cancelled, or with its connection · owner:
  // WaitingTopics
  readonly #topics = new Set<string>();
  readonly #slices: Slices;
  readonly #take: (topic: string) => void;
  readonly #clock: Clock;
  #isQueued = false;
  /** Monotonic: the rooms of another name are entered no sooner. */
  #roomsFrom = 0;
  #cancelRooms: (() => void) | undefined;

  /** @param take hears a topic, or lets it sleep; never throws */
  constructor(slices: Slices, clock: Clock, take: (topic: string) => void) {
    this.#slices = slices;
    this.#clock = clock;
    this.#take = take;
  }

  /** Takes a topic now, or behind those that wait. */
  add(topic: string): void {
    if (this.#topics.size === 0 && this.#slices.hasTime) {
      this.#slices.do(() => {
        this.#take(topic);
      });
      return;
    }
    this.#topics.add(topic);
    this.#queue();
  }

  /** The topic is cancelled: it is not taken any more. */
  delete(topic: string): void {
    this.#topics.delete(topic);
  }

  /** The connection's one name is another one: it enters the rooms that it subscribed to, once they are paid for. */
  enterRooms(subscriptions: ReadonlySet<string>): void {
    this.#cancelRooms?.();
    this.#cancelRooms = undefined;
    const waitMs = this.#roomsFrom - this.#clock.monotonic();
    if (waitMs <= 0) this.#enterNow(subscriptions);
    else
      this.#cancelRooms = this.#clock.after(waitMs, () => {
        this.#cancelRooms = undefined;
        this.#enterNow(subscriptions);
      });
  }

  clear(): void {
    this.#cancelRooms?.();
    this.#cancelRooms = undefined;
    this.#topics.clear();
  }

  #enterNow(subscriptions: ReadonlySet<string>): void {
    let rooms = 0;
    for (const topic of subscriptions) {
      if (!isRoom(topic)) continue;
      rooms += 1;
      this.add(topic);
    }
    this.#roomsFrom =
      this.#clock.monotonic() +
      Math.max(0, rooms - freeRooms) * roomMs +
      Math.max(0, subscriptions.size - freeRooms) * topicMs;
  }

  #queue(): void {
    if (this.#isQueued) return;
    this.#isQueued = true;
    this.#slices.do(() => {
      this.#isQueued = false;
      let left = takenAtOnce;
      try {
        for (const topic of this.#topics) {
          if (left === 0) break;
          left -= 1;
          this.#topics.delete(topic);
          this.#take(topic);
        }
      } finally {
        if (this.#topics.size > 0) this.#queue();
      }
    });
  }
}

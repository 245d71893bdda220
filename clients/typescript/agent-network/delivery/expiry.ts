import type { Clock } from "../../../../src/core/clock.js";
import type { Item, Lane } from "./lane.js";
import type { Waiting } from "./waiting.js";

/** The wall clock may jump, and our loop may stand still: so often it is looked at in any case, milliseconds. */
const longestMs = 60_000;
/** Not more often than this. */
const shortestMs = 1_000;

/** Gives up what has reached its end (Agent Network §12.2). */
export class Expiry {
  readonly #clock: Clock;
  readonly #now: () => number;
  readonly #waiting: Waiting;
  readonly #end: (lane: Lane, item: Item) => void;
  readonly #done: () => void;
  #timer: { readonly at: number; readonly cancel: () => void } | undefined;

  /**
   * @param now wall clock, milliseconds since 1970
   * @param done after a look at all of them
   */
  constructor(
    clock: Clock,
    now: () => number,
    waiting: Waiting,
    end: (lane: Lane, item: Item) => void,
    done: () => void,
  ) {
    this.#clock = clock;
    this.#now = now;
    this.#waiting = waiting;
    this.#end = end;
    this.#done = done;
  }

  /** A message waits until `expiresAt`. */
  watch(expiresAt: number): void {
    const ms = Math.min(Math.max(expiresAt - this.#now(), shortestMs), longestMs);
    const at = this.#clock.monotonic() + ms;
    if (this.#timer !== undefined && this.#timer.at <= at) return;
    this.#timer?.cancel();
    this.#timer = {
      at,
      cancel: this.#clock.after(ms, () => {
        this.#timer = undefined;
        this.#look();
      }),
    };
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #look(): void {
    const now = this.#now();
    let soonest = Infinity;
    for (const { item, lane } of [...this.#waiting.live()])
      if (item.kept.expiresAt <= now) this.#end(lane, item);
      else soonest = Math.min(soonest, item.kept.expiresAt);
    if (soonest < Infinity) this.watch(soonest);
    this.#done();
  }
}

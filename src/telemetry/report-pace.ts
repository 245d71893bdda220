import type { Clock, Ledger } from "../core/index.js";

/** Reports of one kind that an agent makes in a second; what comes faster is merged. */
const perSecond = 10;
const windowMs = 1_000;
/** Reports of one agent and kind, and of all, that wait; they are about different things. */
const waitingMax = 64;
const waitingTotalMax = 2_000;

interface Pace {
  windowAt: number;
  used: number;
  /** What waits, by what it is about, the oldest first. */
  readonly waiting: Map<string, () => void>;
  cancel: (() => void) | undefined;
}

/**
 * Lets reports through, 10 a second of each agent and kind. What comes faster waits for the next second, and the newest
 * about one thing takes the place of an older one (Visualisation §3.7).
 */
export class ReportPace {
  // bound: agents that are online and report (agentsMax) × 6 kinds · evicts: forget() · owner: ReportPace
  readonly #paces = new Map<string, Map<string, Pace>>();
  readonly #clock: Pick<Clock, "monotonic" | "after">;
  readonly #ledger: Pick<Ledger, "count">;
  #waiting = 0;

  constructor(clock: Pick<Clock, "monotonic" | "after">, ledger: Pick<Ledger, "count">) {
    this.#clock = clock;
    this.#ledger = ledger;
  }

  /**
   * Has a report taken now or later. `about`: what of its kind it is about.
   * @throws what `take` throws, if it is taken now
   */
  pass(agent: string, kind: string, about: string, take: () => void): void {
    const pace = this.#paceOf(agent, kind);
    const now = this.#clock.monotonic();
    if (now - pace.windowAt >= windowMs) Object.assign(pace, { windowAt: now, used: 0 });
    if (pace.used < perSecond && pace.waiting.size === 0) {
      pace.used += 1;
      take();
      return;
    }
    if (pace.waiting.delete(about)) this.#drop(1);
    const isFull = pace.waiting.size >= waitingMax || this.#waiting >= waitingTotalMax;
    const [oldest] = pace.waiting.keys();
    if (isFull && oldest === undefined) {
      this.#ledger.count("report-merged");
      return;
    }
    if (isFull && oldest !== undefined) {
      pace.waiting.delete(oldest);
      this.#drop(1);
    }
    pace.waiting.set(about, take);
    this.#waiting += 1;
    this.#await(pace);
  }

  /** The agent is gone, and what it has reported is of no interest. */
  forget(agent: string): void {
    for (const { waiting, cancel } of this.#paces.get(agent)?.values() ?? []) {
      cancel?.();
      this.#waiting -= waiting.size;
    }
    this.#paces.delete(agent);
  }

  /** Cancels all timers. */
  close(): void {
    for (const agent of [...this.#paces.keys()]) this.forget(agent);
  }

  #paceOf(agent: string, kind: string): Pace {
    let ofAgent = this.#paces.get(agent);
    if (ofAgent === undefined) this.#paces.set(agent, (ofAgent = new Map<string, Pace>()));
    let pace = ofAgent.get(kind);
    if (pace === undefined)
      ofAgent.set(kind, (pace = { windowAt: -Infinity, used: 0, waiting: new Map(), cancel: undefined }));
    return pace;
  }

  #await(pace: Pace): void {
    pace.cancel ??= this.#clock.after(Math.max(pace.windowAt + windowMs - this.#clock.monotonic(), 0), () => {
      pace.cancel = undefined;
      pace.windowAt = this.#clock.monotonic();
      pace.used = 0;
      for (const [about, take] of pace.waiting) {
        if (pace.used >= perSecond) break;
        pace.used += 1;
        pace.waiting.delete(about);
        this.#waiting -= 1;
        take();
      }
      if (pace.waiting.size > 0) this.#await(pace);
    });
  }

  #drop(count: number): void {
    this.#waiting -= count;
    this.#ledger.count("report-merged", count);
  }
}

import { eventsTopic, type Clock, type Exchange } from "../core/index.js";

/** Whoever may lose messages because it is slow: a ZeroMQ connection, a session. */
export interface SlowReceiver {
  /** Whom it hears for; undefined if that is not known. */
  readonly agent: string | undefined;
  /** Messages for it that were dropped, in all. */
  readonly dropped: number;
  /** Wall clock when it began, milliseconds. */
  readonly since: number;
}

/** What was lost when somebody was looked at last. */
interface Look {
  readonly dropped: number;
  /** Wall clock. */
  readonly at: number;
}

/**
 * Tells `$events` of those who lose messages because they are slow: `dropped {agent, count, since}`. Looked at once a
 * second, so at most one each.
 */
export class DroppedEvents {
  readonly #exchange: Exchange;
  readonly #clock: Clock;
  // bound: those who lose, zmqConnectionsMax and wsConnectionsMax · evicts: whoever is gone is forgotten · owner:
  // DroppedEvents
  readonly #before = new WeakMap<object, Look>();

  constructor(exchange: Exchange, clock: Clock) {
    this.#exchange = exchange;
    this.#clock = clock;
  }

  /** Announces what `losing` has lost since the last look. */
  report(losing: SlowReceiver): void {
    const { agent, dropped } = losing;
    if (dropped === 0) return;
    const before = this.#before.get(losing);
    const count = dropped - (before?.dropped ?? 0);
    this.#before.set(losing, { dropped, at: this.#clock.now() });
    if (count === 0) return;
    const since = new Date(before?.at ?? losing.since).toISOString();
    this.#exchange.announce(eventsTopic, {
      type: "inform",
      content: {
        message: `${agent ?? "a subscriber"} is too slow: ${count} messages for it were dropped since ${since}`,
        kind: "dropped",
        data: { ...(agent !== undefined && { agent }), count, since },
      },
    });
  }
}

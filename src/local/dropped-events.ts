import { eventsTopic } from "../core/index.js";
import type { Connected } from "./connected.js";
import type { LocalContext } from "./context.js";

/** What was lost when a connection was looked at last. */
interface Look {
  readonly dropped: number;
  /** Wall clock. */
  readonly at: number;
}

/** Tells `$events` of subscribers that lose messages because they are slow: `dropped {agent, count, since}`. Looked at once a second, so at most one each. */
export class DroppedEvents {
  readonly #context: LocalContext;
  // bound: zmqConnectionsMax · evicts: a connection that is gone is forgotten · owner: DroppedEvents
  readonly #before = new WeakMap<Connected, Look>();

  constructor(context: LocalContext) {
    this.#context = context;
  }

  /** Announces what `connected` has lost since the last look. */
  look(connected: Connected): void {
    const { dropped } = connected.peer;
    if (dropped === 0) return;
    const { clock, exchange } = this.#context;
    const before = this.#before.get(connected);
    const count = dropped - (before?.dropped ?? 0);
    this.#before.set(connected, { dropped, at: clock.now() });
    if (count === 0) return;
    const agent = connected.address;
    const since = new Date(before?.at ?? connected.since).toISOString();
    exchange.announce(eventsTopic, {
      type: "inform",
      content: {
        message: `${agent ?? "a subscriber"} is too slow: ${count} messages for it were dropped since ${since}`,
        kind: "dropped",
        data: { ...(agent !== undefined && { agent }), count, since },
      },
    });
  }
}

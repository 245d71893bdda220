import { eventsTopic } from "../core/index.js";
import type { Connected } from "./connected.js";
import type { LocalContext } from "./context.js";

/** Tells on `$events` that a subscriber lost messages because it did not read: `dropped {agent, count, since}`, at most once per subscriber and second. */
export class DroppedEvents {
  readonly #context: LocalContext;
  // bound: zmqConnectionsMax · evicts: an entry goes with its connection · owner: DroppedEvents
  readonly #told = new WeakMap<Connected, { count: number; at: number }>();

  constructor(context: LocalContext) {
    this.#context = context;
  }

  /** Tells what was dropped for a connection since the last look. */
  look(connected: Connected): void {
    const now = this.#context.clock.now();
    const { dropped } = connected.peer;
    const told = this.#told.get(connected);
    const count = dropped - (told?.count ?? 0);
    if (count > 0) {
      const agent = connected.naming.names[0];
      const since = new Date(told?.at ?? now).toISOString();
      this.#context.exchange.announce(eventsTopic, {
        type: "inform",
        content: {
          kind: "dropped",
          message: `${count} messages for ${agent ?? connected.peer.remote} were dropped: it does not read fast enough`,
          data: { ...(agent !== undefined && { agent }), count, since },
        },
      });
    }
    this.#told.set(connected, { count: dropped, at: now });
  }
}

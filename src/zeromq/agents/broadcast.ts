import type { Message, Subscriber } from "../../core/index.js";
import type { Connected } from "./connected.js";

/**
 * Brings what is for `all` to ZeroMQ agents that have not subscribed to it, on their own topic: one copy per
 * connection, none to the speaker.
 */
export class Broadcast implements Subscriber {
  readonly #connections: () => Iterable<Connected>;

  constructor(connections: () => Iterable<Connected>) {
    this.#connections = connections;
  }

  deliver(message: Message, observed: boolean): boolean {
    if (observed) return false;
    const from = message.envelope?.from;
    let some = false;
    for (const connected of this.#connections()) {
      if (connected.hearsEveryone) continue;
      const name = connected.agent;
      if (name === undefined || (from !== undefined && connected.bears(from))) continue;
      if (connected.peer.deliverAs(name, message)) some = true;
    }
    return some;
  }
}

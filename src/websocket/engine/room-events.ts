import type { Message, Router, Subscriber } from "../../core/index.js";
import { agentOf, roomOf } from "./hearing.js";

/** A session as the teller of room events sees it. */
export interface RoomListener extends Subscriber {
  readonly principal: { readonly agent: string } | undefined;
  /** It hears `$events` itself and needs nobody to tell it. */
  readonly hearsEvents: boolean;
}

/**
 * Hands what happens in a room (`room.joined`, `room.left` …) from `$events` to the sessions in that room, but not to
 * whom it happened.
 */
export class RoomEvents implements Subscriber {
  readonly #router: Router;
  readonly #isListener: (subscriber: Subscriber) => subscriber is RoomListener;

  constructor(router: Router, isListener: (subscriber: Subscriber) => subscriber is RoomListener) {
    this.#router = router;
    this.#isListener = isListener;
  }

  deliver(message: Message): boolean {
    const { envelope } = message;
    const room = envelope === undefined ? undefined : roomOf(envelope);
    if (envelope === undefined || room === undefined) return false;
    const agent = agentOf(envelope);
    for (const reader of this.#router.route(room)?.readers ?? []) {
      if (this.#isListener(reader) && reader.principal?.agent !== agent && !reader.hearsEvents)
        reader.deliver(message, false);
    }
    return false;
  }
}

import type { Message } from "../../core/index.js";
import type { PublisherPeer } from "../wire/index.js";
import type { ZeromqContext } from "./context.js";
import type { Holding } from "./held.js";

/** Routes a message or tells its sender why not; counts what became of it. */
export type Judge = (message: Message, publisher: PublisherPeer) => void;

interface Held {
  readonly message: Message;
  readonly publisher: PublisherPeer;
}

/**
 * Messages to topics that nobody hears in the first seconds after the start, when the subscribers of a restarted broker
 * are still coming
 * back: held, and judged when the topic is heard or the time is over. Meanwhile each counts as routed, with a pending
 * copy.
 */
export class StartHold {
  readonly #context: ZeromqContext;
  readonly #holding: Holding;
  readonly #judge: Judge;
  // bound: heldMaxBytes in all, heldPerNameMax each · evicts: one message more is judged at once; all go when
  // startHoldMs is over · owner: StartHold
  readonly #topics = new Map<string, Held[]>();
  #phase: "new" | "open" | "over" = "new";
  #cancel: (() => void) | undefined;

  constructor(context: ZeromqContext, holding: Holding, judge: Judge) {
    this.#context = context;
    this.#holding = holding;
    this.#judge = judge;
  }

  start(): void {
    const { clock, limits } = this.#context;
    if (this.#phase !== "new" || limits.startHoldMs === 0) return;
    this.#phase = "open";
    this.#cancel = clock.after(limits.startHoldMs, () => {
      this.end();
    });
  }

  /** @returns false if the message is to be judged at once */
  hold(message: Message, publisher: PublisherPeer): boolean {
    const { ledger, router } = this.#context;
    if (this.#phase !== "open" || router.route(message.topic) !== undefined) return false;
    const held = this.#topics.get(message.topic);
    if (!this.#holding.take(message, held?.length ?? 0)) return false;
    ledger.messages.routed += 1;
    if (held === undefined) this.#topics.set(message.topic, [{ message, publisher }]);
    else held.push({ message, publisher });
    return true;
  }

  /** Somebody hears the topic: what was held goes out, in order. */
  release(topic: string): void {
    const held = this.#topics.get(topic);
    if (held === undefined) return;
    this.#topics.delete(topic);
    for (const { message, publisher } of held) {
      this.#holding.release(message);
      this.#context.ledger.messages.routed -= 1;
      this.#judge(message, publisher);
    }
  }

  /** The time is over: what is left is judged as it stands. */
  end(): void {
    this.#phase = "over";
    this.#cancel?.();
    for (const topic of [...this.#topics.keys()]) this.release(topic);
  }
}

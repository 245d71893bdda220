import type { Message } from "../core/index.js";
import type { LocalContext } from "./context.js";

/**
 * Messages to unknown names in the first seconds after the start, when subscribers of a restarted broker are still coming back: held within limits, judged
 * when the name arrives or the time is over. Each counts as a pending copy meanwhile.
 */
export class EarlyMessages {
  readonly #context: LocalContext;
  readonly #undelivered: (message: Message) => void;
  // bound: heldMaxBytes in all · evicts: the newest message is judged at once · owner: EarlyMessages
  readonly #names = new Map<string, Message[]>();
  #bytes = 0;
  #open = false;
  #cancel: (() => void) | undefined;

  constructor(context: LocalContext, undelivered: (message: Message) => void) {
    this.#context = context;
    this.#undelivered = undelivered;
  }

  /** Begins to hold. */
  start(): void {
    const { clock, limits } = this.#context;
    if (limits.startHoldMs === 0) return;
    this.#open = true;
    this.#cancel = clock.after(limits.startHoldMs, () => {
      this.end();
    });
  }

  /** @returns false when this is not the time to hold, or no more can be held */
  hold(message: Message): boolean {
    const { limits, ledger } = this.#context;
    if (!this.#open || this.#bytes + message.size > limits.heldMaxBytes) return false;
    const held = this.#names.get(message.topic);
    if (held === undefined) this.#names.set(message.topic, [message.keep()]);
    else held.push(message.keep());
    this.#bytes += message.size;
    ledger.copies.copies += 1;
    ledger.copies.pending += 1;
    return true;
  }

  /** A name has arrived: what was held for it goes out, in order. */
  release(name: string): void {
    for (const message of this.#take(name)) {
      if (this.#context.router.publish(message).receivers === 0) this.#drop(message);
    }
  }

  /** The time is over: what is left is dropped and told. */
  end(): void {
    this.#open = false;
    this.#cancel?.();
    for (const name of [...this.#names.keys()]) for (const message of this.#take(name)) this.#drop(message);
  }

  #take(name: string): readonly Message[] {
    const held = this.#names.get(name) ?? [];
    this.#names.delete(name);
    const { copies } = this.#context.ledger;
    for (const message of held) {
      this.#bytes -= message.size;
      copies.copies -= 1;
      copies.pending -= 1;
    }
    return held;
  }

  #drop(message: Message): void {
    this.#context.ledger.drop("expired", 1, false);
    this.#undelivered(message);
  }
}

import type { Message, Subscriber } from "../core/index.js";
import type { LocalContext } from "./context.js";

/** What is held for one name. */
interface Held {
  readonly messages: Message[];
  readonly unsubscribe: () => void;
}

/**
 * Messages for names that are away for a moment (presence in its grace): kept in order within limits, given to the name when it is back, else dropped as `expired` and
 * told to whoever asked. Each counts as a pending copy.
 */
export class HeldMessages {
  readonly #context: LocalContext;
  readonly #undelivered: (message: Message) => void;
  // bound: agentsMax, heldMaxBytes in all, heldPerNameMax each · evicts: the newest message is dropped as full · owner: HeldMessages
  readonly #names = new Map<string, Held>();
  #bytes = 0;

  constructor(context: LocalContext, undelivered: (message: Message) => void) {
    this.#context = context;
    this.#undelivered = undelivered;
  }

  /** Starts to hold what comes for `name`. */
  begin(name: string): void {
    if (this.#names.has(name)) return;
    const messages: Message[] = [];
    const holder: Subscriber = {
      deliver: (message, observed) => {
        if (observed || this.#isHeard(name)) return false;
        this.#hold(messages, message);
        return true;
      },
    };
    this.#names.set(name, { messages, unsubscribe: this.#context.router.subscribe(name, holder) });
  }

  /** The name is back: what was held goes out, oldest first, before anything new. */
  release(name: string): void {
    const held = this.#end(name);
    for (const message of held) {
      this.#settle(message);
      const outcome = this.#context.router.publish(message);
      if (outcome.receivers === 0) this.#undelivered(message);
    }
  }

  /** The name is gone: what was held is dropped and told. */
  expire(name: string): void {
    for (const message of this.#end(name)) {
      this.#settle(message);
      this.#context.ledger.drop("expired", 1, false);
      this.#undelivered(message);
    }
  }

  /** Ends everything, as at a stop. */
  close(): void {
    for (const name of [...this.#names.keys()]) this.expire(name);
  }

  /** Somebody else hears the name, in another dialect. */
  #isHeard(name: string): boolean {
    const route = this.#context.router.route(name);
    return route !== undefined && route.wires.length + route.readers.length > 1;
  }

  #hold(messages: Message[], message: Message): void {
    const { ledger, limits } = this.#context;
    if (messages.length >= limits.heldPerNameMax || this.#bytes + message.size > limits.heldMaxBytes) {
      ledger.drop("full", 1, false);
      return;
    }
    ledger.copies.copies += 1;
    ledger.copies.pending += 1;
    this.#bytes += message.size;
    messages.push(message.keep());
  }

  #end(name: string): readonly Message[] {
    const held = this.#names.get(name);
    if (held === undefined) return [];
    this.#names.delete(name);
    held.unsubscribe();
    return held.messages;
  }

  /** The held copy is no longer pending: it becomes the copies of those who receive it now, or a drop. */
  #settle(message: Message): void {
    const { copies } = this.#context.ledger;
    copies.copies -= 1;
    copies.pending -= 1;
    this.#bytes -= message.size;
  }
}

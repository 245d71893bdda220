import { isExpired, type FaultCode, type Message, type Subscriber } from "../../core/index.js";
import type { ZeromqContext } from "./context.js";
import type { Holding } from "./held.js";

/** Why a held message reached nobody. */
export type Undelivered = Extract<FaultCode, "not-found" | "full" | "timeout">;

/** What {@link Graces} needs. */
export interface GracesOptions {
  readonly context: ZeromqContext;
  readonly holding: Holding;
  /**
   * Hears of each message that nobody got in the end: its name did not come back, no more could be held, or its own
   * time was over.
   */
  readonly undelivered: (message: Message, why: Undelivered) => void;
}

interface Grace {
  readonly messages: Message[];
  readonly holder: Subscriber;
  readonly unsubscribe: () => void;
  readonly cancel: () => void;
}

/**
 * Names whose last connection is gone and may come back within a moment. Until then a holder subscribes to the name and
 * keeps what comes, in
 * order; whoever bears the name again gets it before anything new, else it is dropped as `expired`.
 */
export class Graces {
  // bound: agentsMax; heldMaxBytes in all, heldPerNameMax each · evicts: the newest message is dropped as full; a name
  // when its grace is over · owner: Graces
  readonly #away = new Map<string, Grace>();
  readonly #options: GracesOptions;

  constructor(options: GracesOptions) {
    this.#options = options;
  }

  /** Names that are away. */
  get size(): number {
    return this.#away.size;
  }

  /** Starts to hold what comes for a name whose last connection has just gone. */
  begin(name: string, graceMs: number): void {
    if (this.#away.has(name)) return;
    const { clock, router } = this.#options.context;
    const holder: Subscriber = { deliver: (message, observed) => !observed && this.#hold(name, message) };
    this.#away.set(name, {
      messages: [],
      holder,
      unsubscribe: router.subscribe(name, holder),
      cancel: clock.after(graceMs, () => {
        this.#expire(name);
      }),
    });
  }

  /** Gives what was held to `receiver`, who bears the name. */
  giveTo(name: string, receiver: Pick<Subscriber, "deliver">): void {
    const { clock } = this.#options.context;
    for (const message of this.#end(name)) {
      const { envelope } = message;
      if (envelope !== undefined && isExpired(envelope, clock.now())) this.#drop(message, "timeout");
      else if (!receiver.deliver(message, false)) this.#drop(message, "not-found");
    }
  }

  /** Ends every grace, as at a stop. */
  close(): void {
    for (const name of [...this.#away.keys()]) this.#expire(name);
  }

  #hold(name: string, message: Message): boolean {
    const grace = this.#away.get(name);
    if (grace === undefined) return false;
    const session = this.#session(name, grace);
    if (session !== undefined) {
      // The agent is back by another road, which takes this very message after us.
      this.giveTo(name, session);
      return false;
    }
    const { context, holding, undelivered } = this.#options;
    if (holding.take(message, grace.messages.length)) {
      grace.messages.push(message);
    } else {
      context.ledger.drop("full", 1, false);
      undelivered(message, "full");
    }
    return true;
  }

  #expire(name: string): void {
    const grace = this.#away.get(name);
    if (grace === undefined) return;
    const session = this.#session(name, grace);
    if (session !== undefined) {
      this.giveTo(name, session);
      return;
    }
    for (const message of this.#end(name)) this.#drop(message, "not-found");
  }

  #drop(message: Message, why: Undelivered): void {
    this.#options.context.ledger.drop("expired", 1, false);
    this.#options.undelivered(message, why);
  }

  /** A session of another dialect that bears the name now. */
  #session(name: string, { holder }: Grace): Subscriber | undefined {
    return this.#options.context.router.route(name)?.readers.find((reader) => reader !== holder);
  }

  #end(name: string): readonly Message[] {
    const grace = this.#away.get(name);
    if (grace === undefined) return [];
    this.#away.delete(name);
    grace.cancel();
    grace.unsubscribe();
    for (const message of grace.messages) this.#options.holding.release(message);
    return grace.messages;
  }
}

import {
  isExpired,
  type FaultCode,
  type Ledger,
  type Limits,
  type Message,
  type Subscriber,
} from "../../core/index.js";
import type { PublisherPeer } from "../wire/index.js";
import type { ZeromqContext } from "./context.js";

/** What a held message costs beside its bytes. */
const overheadBytes = 512;

/** The memory that all held messages share. Each held message is a pending copy in the ledger. */
export class Holding {
  bytes = 0;
  readonly #limits: Limits;
  readonly #ledger: Ledger;

  constructor(limits: Limits, ledger: Ledger) {
    this.#limits = limits;
    this.#ledger = ledger;
  }

  /**
   * Takes one more beside `held` others of its name; a copy of its bytes is made.
   * @returns false if there is no room
   */
  take(message: Message, held: number): boolean {
    const size = message.size + overheadBytes;
    if (held >= this.#limits.heldPerNameMax || this.bytes + size > this.#limits.heldMaxBytes) return false;
    message.keep();
    this.bytes += size;
    this.#ledger.copies.copies += 1;
    this.#ledger.copies.pending += 1;
    return true;
  }

  /** The message is held no longer: the copy was none. What becomes of it now is counted by whoever takes it. */
  release(message: Message): void {
    this.bytes -= message.size + overheadBytes;
    this.#ledger.copies.copies -= 1;
    this.#ledger.copies.pending -= 1;
  }
}

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

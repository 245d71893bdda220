import {
  hasTakers,
  SplitAllotment,
  isExpired,
  isOrigin,
  standingOf,
  type Allotment,
  type Ledger,
  type Limits,
  type LostCopies,
  type Message,
  type Route,
  type Slices,
  type Subscriber,
} from "../../core/index.js";
import type { PublisherPeer } from "../wire/index.js";
import type { ZeromqContext } from "./context.js";
import type { Undelivered } from "./fault-notices.js";

/** What a waiting message costs beside its bytes. */
const overheadBytes = 512;
/** What may wait of one connection in any case. */
const assuredBytes = 4 * 1024;

/** What waits of one connection, and what it is taken from while anything waits. */
interface WaitingBytes {
  bytes: number;
  readonly from: Allotment;
}

/** The memory that all waiting messages share (ZeroMQ §3.3, §7.2). Each is a pending copy in the ledger. */
export class WaitingMemory {
  readonly #bytes: SplitAllotment;
  // bound: zmqConnectionsMax and wsConnectionsMax · evicts: goes with its connection · owner: WaitingMemory
  readonly #byOrigin = new WeakMap<object, WaitingBytes>();
  /** What waits of nobody that is known. */
  readonly #ofNobody: WaitingBytes;
  readonly #limits: Limits;
  readonly #ledger: Ledger;

  constructor(limits: Limits, ledger: Ledger) {
    this.#bytes = new SplitAllotment(() => limits.heldMaxBytes, assuredBytes);
    this.#ofNobody = { bytes: 0, from: this.#bytes.others };
    this.#limits = limits;
    this.#ledger = ledger;
  }

  /**
   * Takes one more message beside the `waiting` ones of its name, and copies its bytes.
   * @returns false if there is no room
   */
  take(message: Message, waiting: number): boolean {
    const size = message.size + overheadBytes;
    const own = this.#of(message);
    if (waiting >= this.#limits.heldPerNameMax || !own.from.allows(own === this.#ofNobody ? 0 : own.bytes, size))
      return false;
    message.keep();
    count(own, size);
    this.#ledger.copies.copies += 1;
    this.#ledger.copies.pending += 1;
    return true;
  }

  /** The message waits no longer, and its pending copy is taken back: the caller counts what becomes of it. */
  release(message: Message): void {
    count(this.#of(message), -(message.size + overheadBytes));
    this.#ledger.copies.copies -= 1;
    this.#ledger.copies.pending -= 1;
  }

  /** What waits of a sender's connection: those with a token have a part that is theirs. */
  #of({ origin }: Message): WaitingBytes {
    if (origin === undefined) return this.#ofNobody;
    let own = this.#byOrigin.get(origin);
    if (own === undefined || own.bytes === 0) {
      const isIssued = isOrigin(origin) && standingOf(origin.principal) === "issued";
      this.#byOrigin.set(origin, (own = { bytes: 0, from: this.#bytes.of(isIssued) }));
    }
    return own;
  }
}

function count(own: WaitingBytes, change: number): void {
  own.bytes += change;
  own.from.used += change;
}

/** True for a topic that somebody takes, or guards: what is for it need not wait for its agent. */
function isUsed(route: Route): boolean {
  return route.guard !== undefined || hasTakers(route);
}

interface WaitingMessage {
  readonly message: Message;
  readonly publisher: PublisherPeer;
}

/**
 * Lets messages to topics that nobody hears wait in the first seconds after the start, while the subscribers of a
 * restarted broker come back (ZeroMQ §3.3). They are routed when the topic is heard or the time is over. Meanwhile each
 * counts as routed, with a pending copy.
 */
export class StartWait {
  readonly #context: Pick<ZeromqContext, "clock" | "ledger" | "limits" | "router">;
  readonly #memory: WaitingMemory;
  readonly #route: (message: Message, publisher: PublisherPeer) => void;
  // bound: heldMaxBytes in all, heldPerNameMax each · evicts: one message more is routed at once; all go when
  // startHoldMs is over · owner: StartWait
  readonly #topics = new Map<string, WaitingMessage[]>();
  #phase: "new" | "open" | "over" = "new";
  #cancel: (() => void) | undefined;
  readonly #slices: Slices;

  /** `route` routes a message or tells its sender why not, and counts what became of it. */
  constructor(
    context: Pick<ZeromqContext, "clock" | "ledger" | "limits" | "router">,
    memory: WaitingMemory,
    slices: Slices,
    route: (message: Message, publisher: PublisherPeer) => void,
  ) {
    this.#context = context;
    this.#memory = memory;
    this.#slices = slices;
    this.#route = route;
  }

  start(): void {
    const { clock, limits } = this.#context;
    if (this.#phase !== "new" || limits.startHoldMs === 0) return;
    this.#phase = "open";
    this.#cancel = clock.after(limits.startHoldMs, () => {
      this.#phase = "over";
      for (const topic of this.#topics.keys())
        this.#slices.do(() => {
          this.release(topic);
        });
    });
  }

  /** @returns false if the message does not have to wait, or cannot */
  keep(message: Message, publisher: PublisherPeer): boolean {
    const { ledger, router } = this.#context;
    const waiting = this.#topics.get(message.topic);
    // Nothing overtakes what waits already.
    const route = waiting === undefined ? router.route(message.topic) : undefined;
    if (waiting === undefined && (this.#phase !== "open" || (route !== undefined && isUsed(route)))) return false;
    if (!this.#memory.take(message, waiting?.length ?? 0)) return false;
    ledger.messages.routed += 1;
    if (waiting === undefined) this.#topics.set(message.topic, [{ message, publisher }]);
    else waiting.push({ message, publisher });
    return true;
  }

  /** Somebody hears the topic: what waited for it is routed, in order. */
  release(topic: string): void {
    const waiting = this.#topics.get(topic);
    if (waiting === undefined) return;
    this.#topics.delete(topic);
    for (const { message, publisher } of waiting) {
      this.#memory.release(message);
      this.#context.ledger.messages.routed -= 1;
      this.#route(message, publisher);
    }
  }

  /** The time is over: all that still waits is routed, or its sender told that nobody is there. */
  end(): void {
    this.#phase = "over";
    this.#cancel?.();
    for (const topic of [...this.#topics.keys()]) this.release(topic);
  }
}

interface AbsentName {
  readonly messages: Message[];
  /** Subscribes to the name instead of its agent. */
  readonly standIn: Subscriber;
  readonly unsubscribe: () => void;
  readonly cancel: () => void;
}

/**
 * Lets messages to a name wait when its last connection is gone and may come back within its grace (ZeroMQ §7.2). Until
 * then a stand-in subscribes to the name and keeps what comes, in order. The next connection or session of that name
 * gets it before anything new; if none comes, the messages are dropped as `expired`.
 */
export class ReconnectWait {
  // bound: agentsMax; heldMaxBytes in all, heldPerNameMax each · evicts: the newest message is dropped as full; a name
  // when its grace is over · owner: ReconnectWait
  readonly #absent = new Map<string, AbsentName>();
  readonly #context: Pick<ZeromqContext, "clock" | "ledger" | "router">;
  readonly #memory: WaitingMemory;
  readonly #undelivered: (message: Message, why: Undelivered | LostCopies) => void;
  readonly #slices: Slices;

  /** `undelivered` is told of each message that nobody got in the end. */
  constructor(
    context: Pick<ZeromqContext, "clock" | "ledger" | "router">,
    memory: WaitingMemory,
    slices: Slices,
    undelivered: (message: Message, why: Undelivered | LostCopies) => void,
  ) {
    this.#context = context;
    this.#memory = memory;
    this.#slices = slices;
    this.#undelivered = undelivered;
  }

  /** The last connection of `name` has just gone. */
  begin(name: string, graceMs: number): void {
    const { clock, router } = this.#context;
    // What is for a name with a mailbox waits there.
    if (this.#absent.has(name) || router.route(name)?.keeper !== undefined) return;
    const standIn: Subscriber = { deliver: (message, observed) => !observed && this.#keep(name, message) };
    const absent: AbsentName = {
      messages: [],
      standIn,
      unsubscribe: router.subscribe(name, standIn),
      cancel: clock.after(graceMs, () => {
        this.#slices.do(() => {
          if (this.#absent.get(name) === absent) this.#expire(name);
        });
      }),
    };
    this.#absent.set(name, absent);
  }

  /** Gives what waited for `name` to `receiver`, which has the name now. */
  giveTo(name: string, receiver: Pick<Subscriber, "deliver">): void {
    const { clock } = this.#context;
    for (const message of this.#end(name)) {
      const { envelope } = message;
      if (envelope !== undefined && isExpired(envelope, clock.now())) this.#drop(message, "timeout");
      else if (!receiver.deliver(message, false)) this.#drop(message, "not-found");
      else if (message.lost !== undefined) this.#undelivered(message, message.lost);
    }
  }

  /** Ends every wait, as at a stop. */
  close(): void {
    for (const name of [...this.#absent.keys()]) this.#expire(name);
  }

  #keep(name: string, message: Message): boolean {
    const absent = this.#absent.get(name);
    if (absent === undefined) return false;
    const session = this.#session(name, absent);
    if (session !== undefined) {
      // The agent is back as a session, which the router gives this very message after us.
      this.giveTo(name, session);
      return false;
    }
    if (this.#memory.take(message, absent.messages.length)) {
      absent.messages.push(message);
    } else {
      this.#context.ledger.drop("full", 1, false);
      this.#undelivered(message, "full");
    }
    return true;
  }

  #expire(name: string): void {
    const absent = this.#absent.get(name);
    if (absent === undefined) return;
    const session = this.#session(name, absent);
    if (session !== undefined) {
      this.giveTo(name, session);
      return;
    }
    for (const message of this.#end(name)) this.#drop(message, "not-found");
  }

  #drop(message: Message, why: Undelivered): void {
    this.#context.ledger.drop("expired", 1, false);
    this.#undelivered(message, why);
  }

  /** A session of another dialect that has the name now. */
  #session(name: string, { standIn }: AbsentName): Subscriber | undefined {
    return this.#context.router.route(name)?.readers.find((reader) => reader !== standIn);
  }

  #end(name: string): readonly Message[] {
    const absent = this.#absent.get(name);
    if (absent === undefined) return [];
    this.#absent.delete(name);
    absent.cancel();
    absent.unsubscribe();
    for (const message of absent.messages) this.#memory.release(message);
    return absent.messages;
  }
}

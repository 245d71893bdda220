import type { LostCopies } from "./arrival.js";
import type { Fault } from "./fault.js";
import type { Keeper } from "./keeper.js";
import type { Message } from "./message.js";
import { PassingBytes } from "./passing-bytes.js";
import type { Subscriber } from "./subscriber.js";
import { eventsTopic, isDirect } from "./topic.js";

/** A subscriber that takes whole two-part ZeroMQ messages as the bytes that came. */
export interface WireSubscriber extends Subscriber {
  /**
   * Takes `count` whole messages of one topic, `chunk[start, end)`. `lasting`: the chunk is never written to again and
   * may be stored; otherwise it is borrowed for this call.
   */
  forward(chunk: Buffer, start: number, end: number, count: number, observed: boolean, lasting: boolean): void;
}

/** Refuses a message for a guarded topic, or lets it pass by returning undefined. */
export type Guard = (message: Message) => Fault | undefined;

/** Where messages of one topic go. The lists are replaced, never changed. */
export interface Route {
  readonly topic: string;
  /** Subscribers of exactly this topic that take bytes. */
  readonly wires: readonly WireSubscriber[];
  /** Subscribers of exactly this topic that need a Message. */
  readonly readers: readonly Subscriber[];
  /** Prefix subscriptions and taps that receive it, too: those that may. */
  readonly observers: readonly Subscriber[];
  /** Called before each message; undefined for topics that are open to everybody. */
  readonly guard: Guard | undefined;
  /** Takes messages before its subscribers; undefined for topics that nobody keeps. */
  readonly keeper: Keeper | undefined;
  /** How many want its messages to be parsed, though they do not receive them. */
  readonly looks: number;
  /** Only taps and prefixes that hear everything receive it (invite-only rooms). */
  readonly hidden: boolean;
  /** False once the router has dropped it, with its last subscriber and guard. */
  readonly live: boolean;
  /** The receivers if messages may pass as bytes; undefined if one needs a Message, or if there is none. */
  readonly bytes: BytesRoute | undefined;
  /** The state of taps and prefixes for which `observers` and `bytes` were computed; see `Router.fresh`. */
  readonly state: number;
}

/** Where the bytes of a topic's messages go. */
export interface BytesRoute {
  readonly wires: readonly WireSubscriber[];
  readonly observers: readonly WireSubscriber[];
}

/** What became of a published message. `receivers` does not count taps. */
export interface Outcome {
  readonly receivers: number;
  readonly stored: boolean;
  /** It was stored before: the same sender has said the same by the same id. */
  readonly repeated?: true;
  /**
   * Of what is stored, to be called at once: resolves when it is on the disk.
   * @throws Fault unavailable, as a rejection
   */
  readonly safe?: () => Promise<void>;
  /** Some of the receivers will never have it; the sender is to be told. */
  readonly lost?: LostCopies;
}

/** Called for each subscriber that was given a copy; `lost`: the copy was dropped. */
export type Heard = (subscriber: Subscriber, lost: boolean) => void;

type MutableRoute = { -readonly [K in keyof Route]: Route[K] };

/** Topic → subscribers: exact names in one Map, prefixes by walking delimiters, taps apart. */
export class Router {
  /** Where the byte path shows what passes while somebody looks. */
  readonly passing = new PassingBytes();
  // bound: subscriptions of all peers (zmqSubscriptionsTotalMaxBytes, roomsMax, agentsMax) · evicts: a topic goes with
  // its last subscriber · owner: Router
  readonly #routes = new Map<string, MutableRoute>();
  // bound: prefix subscriptions of all peers (zmqSubscriptionsTotalMaxBytes) · evicts: a prefix goes with its last
  // subscriber · owner: Router
  readonly #prefixes = new Map<string, readonly Subscriber[]>();
  #taps: readonly Subscriber[] = [];
  // bound: subscribers that take bytes (zmqConnectionsMax) · evicts: goes with its subscriber · owner: Router
  readonly #sole = new WeakMap<WireSubscriber, BytesRoute>();
  readonly #dataTopics: ReadonlySet<string>;
  #sequence = 0;
  /** Raised with each change of taps and prefixes. */
  #state = 0;

  /** @param dataTopics topics that are nobody's name, whatever they look like */
  constructor(dataTopics: Iterable<string> = []) {
    this.#dataTopics = new Set(dataTopics);
  }

  /** The route of a topic that somebody subscribed to or that is guarded; undefined for every other. */
  route(topic: string): Route | undefined {
    const route = this.#routes.get(topic);
    if (route !== undefined && route.state !== this.#state) this.#observe(route);
    return route;
  }

  /**
   * The current form of a route. After a change of taps or prefixes each route is computed again when it is next used,
   * not all of them at once.
   */
  fresh(route: Route): Route {
    return route.state === this.#state ? route : (this.route(route.topic) ?? route);
  }

  /** Taps and prefix subscriptions that ask for `topic`, whether or not they may hear it. */
  observers(topic: string): readonly Subscriber[] {
    if (this.#prefixes.size === 0) return this.#taps;
    const found = new Set<Subscriber>(this.#taps);
    for (let end = 1; end <= topic.length; end += 1) {
      const last = topic[end - 1];
      if (last !== "." && last !== "/" && last !== ":") continue;
      for (const subscriber of this.#prefixes.get(topic.slice(0, end)) ?? []) found.add(subscriber);
    }
    return [...found];
  }

  /** Subscribes to exactly `topic`. The returned function ends it; a second call does nothing. */
  subscribe(topic: string, subscriber: Subscriber): () => void {
    const route = this.#obtain(topic);
    if (isWire(subscriber)) route.wires = withAlso(route.wires, subscriber);
    else route.readers = withAlso(route.readers, subscriber);
    this.#observe(route);
    if (hears(subscriber, topic)) route.keeper?.arrived(subscriber);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      route.keeper?.left(subscriber);
      if (isWire(subscriber)) route.wires = without(route.wires, subscriber);
      else route.readers = without(route.readers, subscriber);
      this.#observe(route);
      this.#tidy(route);
    };
  }

  /** Subscribes to every topic that begins with `prefix`, which ends in a delimiter. */
  subscribePrefix(prefix: string, subscriber: Subscriber): () => void {
    this.#prefixes.set(prefix, [...(this.#prefixes.get(prefix) ?? []), subscriber]);
    this.#state += 1;
    return once(() => {
      const left = without(this.#prefixes.get(prefix) ?? [], subscriber);
      if (left.length === 0) this.#prefixes.delete(prefix);
      else this.#prefixes.set(prefix, left);
      this.#state += 1;
    });
  }

  /** Subscribes to everything. */
  tap(subscriber: Subscriber): () => void {
    this.#taps = [...this.#taps, subscriber];
    this.#state += 1;
    return once(() => {
      this.#taps = without(this.#taps, subscriber);
      this.#state += 1;
    });
  }

  /** One that subscribes to `topic` begins, or ceases, to hear what it is given: whoever keeps the topic is told. */
  hearing(topic: string, subscriber: Subscriber): void {
    const keeper = this.#routes.get(topic)?.keeper;
    if (hears(subscriber, topic)) keeper?.arrived(subscriber);
    else keeper?.left(subscriber);
  }

  /** Lets `guard` check every message to `topic`. `hidden`: ordinary taps do not hear the topic. */
  guard(topic: string, guard: Guard, hidden = true): () => void {
    const route = this.#obtain(topic);
    route.guard = guard;
    route.hidden = hidden;
    this.#observe(route);
    return once(() => {
      route.guard = undefined;
      route.hidden = false;
      this.#observe(route);
      this.#tidy(route);
    });
  }

  /** Lets `keeper` take what is for `topic` before its subscribers. A topic has one keeper at most. */
  keep(topic: string, keeper: Keeper): () => void {
    const route = this.#obtain(topic);
    route.keeper = keeper;
    this.#observe(route);
    for (const subscriber of [...route.wires, ...route.readers])
      if (hears(subscriber, topic)) keeper.arrived(subscriber);
    return () => {
      this.unkeep(topic, keeper);
    };
  }

  /** Ends what {@link keep} began, for whoever has many and no room for a function of each. */
  unkeep(topic: string, keeper: Keeper): void {
    const route = this.#routes.get(topic);
    if (route?.keeper !== keeper) return;
    route.keeper = undefined;
    this.#observe(route);
    this.#tidy(route);
  }

  /** Has every message to `topic` parsed: whoever follows the exchange sees it. The returned function ends it. */
  look(topic: string): () => void {
    const route = this.#obtain(topic);
    route.looks += 1;
    this.#observe(route);
    return once(() => {
      route.looks -= 1;
      this.#observe(route);
      this.#tidy(route);
    });
  }

  /**
   * Gives one copy to each subscriber of the message's topic, or to its keeper. The caller has checked and counted it.
   * @throws Fault full, unavailable: the keeper refuses it, and nobody has got it
   */
  publish(message: Message): Outcome {
    message.sequence = this.#sequence += 1;
    const route = this.route(message.topic);
    if (message.sealed) return { receivers: this.#handOver(message, route), stored: false };
    const keeper = route?.keeper;
    const kept = keeper?.keep(message) ?? "passes";
    if (kept === "passes") return { receivers: this.#give(message, route), stored: false };
    if (kept === "kept") this.#show(message, route);
    const safe = keeper?.safe?.bind(keeper);
    return { receivers: 0, stored: true, ...(kept === "repeated" && { repeated: true }), ...(safe && { safe }) };
  }

  /** Gives a message that a keeper has held to those who subscribe to its topic now, and to taps. */
  release(message: Message, heard: Heard): Outcome {
    message.sequence = this.#sequence += 1;
    return { receivers: this.#give(message, this.route(message.topic), heard), stored: false };
  }

  #give(message: Message, route: Route | undefined, heard?: Heard): number {
    let receivers = 0;
    if (route !== undefined) {
      // Events of an invite-only room are only for those who may know of the room. A session filters them itself; a
      // ZeroMQ peer cannot.
      const closed = message.hidden && message.topic === eventsTopic;
      for (const wire of route.wires) {
        if ((!closed || wire.sight === "all") && given(message, wire, heard)) receivers += 1;
      }
    }
    if (!message.discreet || isHeard(route)) this.#show(message, route);
    // Readers come last, because a reader may publish at once (as $broker does), and nobody may receive an answer
    // before its request.
    if (route !== undefined) {
      for (const reader of route.readers) if (given(message, reader, heard)) receivers += 1;
    }
    return receivers;
  }

  /** A sealed message is for those alone who are made for it; whoever else listens here learns nothing of it. */
  #handOver(message: Message, route: Route | undefined): number {
    let receivers = 0;
    for (const reader of route?.readers ?? [])
      if (reader.takesSealed === true && given(message, reader, undefined)) receivers += 1;
    return receivers;
  }

  /** Gives one copy to each tap and prefix subscription. */
  #show(message: Message, route: Route | undefined): void {
    const observers = route?.observers ?? this.#allowed(this.observers(message.topic), message.topic, false);
    for (const observer of observers) if (!message.hidden || observer.sight === "all") observer.deliver(message, true);
  }

  /** Routes with at least one subscriber or guard. */
  get size(): number {
    return this.#routes.size;
  }

  #obtain(topic: string): MutableRoute {
    let route = this.#routes.get(topic);
    if (route === undefined) {
      route = {
        topic,
        wires: [],
        readers: [],
        observers: [],
        guard: undefined,
        keeper: undefined,
        looks: 0,
        hidden: false,
        live: true,
        bytes: undefined,
        state: this.#state,
      };
      this.#routes.set(topic, route);
    }
    return route;
  }

  #tidy(route: MutableRoute): void {
    if (route.guard === undefined && route.looks === 0 && !hasTakers(route)) {
      route.live = false;
      if (this.#routes.get(route.topic) === route) this.#routes.delete(route.topic);
    }
  }

  /**
   * Topics with the same single subscriber share one list, which then stays in the processor's caches even with 10,000
   * topics (0.1 µs per message).
   */
  #bytesRoute({ wires, readers, observers, guard, keeper, looks }: Route): BytesRoute | undefined {
    const [wire] = wires;
    if (wire === undefined || readers.length > 0 || looks > 0) return undefined;
    if (guard !== undefined || keeper !== undefined) return undefined;
    if (!observers.every(isWire)) return undefined;
    if (wires.length > 1 || observers.length > 0) return { wires, observers };
    let sole = this.#sole.get(wire);
    if (sole === undefined) this.#sole.set(wire, (sole = { wires, observers: [] }));
    return sole;
  }

  /** Those of the taps and prefixes that may hear what is said to `topic`. */
  #allowed(observers: readonly Subscriber[], topic: string, hidden: boolean): readonly Subscriber[] {
    if (observers.length === 0) return observers;
    if (hidden) return observers.filter(({ sight }) => sight === "all");
    if (observers.every(({ sight }) => sight !== "public")) return observers;
    if (this.#dataTopics.has(topic) || !isDirect(topic)) return observers;
    return observers.filter(({ sight }) => sight !== "public");
  }

  /** Computes, after any change, who observes a route and whether its messages may pass as bytes. */
  #observe(route: MutableRoute): void {
    if (this.#taps.length === 0 && this.#prefixes.size === 0) {
      if (route.observers.length > 0) route.observers = [];
    } else {
      const observers = this.#allowed(this.observers(route.topic), route.topic, route.hidden);
      const all: readonly Subscriber[] = observers.length === 0 ? [] : [...route.wires, ...route.readers];
      // A room of thousands changes often, and a tap or two are found more quickly than a set is made.
      if (observers.length <= 4) route.observers = observers.filter((observer) => !all.includes(observer));
      else {
        const exact = new Set(all);
        route.observers = observers.filter((observer) => !exact.has(observer));
      }
    }
    route.bytes = this.#bytesRoute(route);
    route.state = this.#state;
  }
}

/** True if somebody is there whom its messages are for. */
function isHeard(route: Route | undefined): boolean {
  return route !== undefined && (route.wires.length > 0 || route.readers.length > 0);
}

/** True if somebody subscribes to the topic, or keeps what is for it. */
export function hasTakers({ wires, readers, keeper }: Route): boolean {
  return wires.length > 0 || readers.length > 0 || keeper !== undefined;
}

function hears(subscriber: Subscriber, topic: string): boolean {
  return subscriber.hears?.(topic) !== false;
}

/** Gives one copy. @returns false if it is not for the subscriber */
function given(message: Message, subscriber: Subscriber, heard: Heard | undefined): boolean {
  const lost = message.lost?.count;
  if (!subscriber.deliver(message, false)) return false;
  heard?.(subscriber, message.lost?.count !== lost);
  return true;
}

function isWire(subscriber: Subscriber): subscriber is WireSubscriber {
  return "forward" in subscriber;
}

/** A literal list of one allocates one place, a spread list 17. Most names have one subscriber. */
function withAlso<T>(list: readonly T[], item: T): readonly T[] {
  return list.length === 0 ? [item] : [...list, item];
}

function without<T>(list: readonly T[], item: T): readonly T[] {
  const at = list.indexOf(item);
  return at === -1 ? list : list.toSpliced(at, 1);
}

function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    run();
  };
}

import {
  BacklogTotal,
  defaultLimits,
  Fault,
  Flusher,
  Ledger,
  principal,
  Router,
  systemClock,
  type Clock,
  type Limits,
  type Message,
  type Principal,
  type Scope,
  Slices,
} from "../../../src/core/index.js";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import {
  ZmtpListener,
  type PublisherPeer,
  type SubscriberPeer,
  type ZmtpListenerOptions,
  type ZmtpPeer,
  type ZmtpPolicy,
} from "../../../src/zeromq/wire/index.js";
import { patienceMs } from "../../kit/patience.js";

/** A policy that lets everybody in, subscribes exactly what is asked, and writes down what it is told. */
export class OpenPolicy implements ZmtpPolicy {
  checksFrom = false;
  readonly protectedNames = new Set<string>();
  readonly tokens = new Map<string, string>();
  readonly scopes: Scope[] = [];
  /** `subscribed alice topic` and the like, in order. */
  readonly events: string[] = [];
  readonly messages: { readonly topic: string; readonly payload: string; readonly peer: ZmtpPeer }[] = [];
  readonly peers: ZmtpPeer[] = [];
  /** What a proof waits for; undefined: nothing. */
  keeping: Promise<void> | undefined;
  /** Called before a subscriber is let in. */
  onSubscriber: (peer: SubscriberPeer) => void = () => undefined;
  onPublisher: (peer: PublisherPeer) => void = () => undefined;
  onReceived: (message: Message, peer: PublisherPeer) => void = () => undefined;
  /** What was lost, as the agents are told of it. */
  readonly losses: { readonly peer: ZmtpPeer; readonly fault: Fault; readonly topic: string | undefined }[] = [];
  readonly #router: Router;
  readonly #ledger: Ledger;
  readonly #subscriptions = new Map<SubscriberPeer, Map<string, () => void>>();

  constructor(router: Router, ledger: Ledger) {
    this.#router = router;
    this.#ledger = ledger;
  }

  authenticate(user: string, password: string): Principal {
    if (this.tokens.get(user) !== password)
      throw new Fault("unauthenticated", "the token is wrong: make one with `broker token AGENT`");
    return principal(user, "proved", { scopes: this.scopes });
  }

  keepProof(): Promise<void> | undefined {
    return this.keeping;
  }

  publisherReady(peer: PublisherPeer): void {
    this.onPublisher(peer);
    this.#met("publisher", peer);
  }

  subscriberReady(peer: SubscriberPeer): void {
    this.onSubscriber(peer);
    this.#subscriptions.set(peer, new Map());
    this.#met("subscriber", peer);
  }

  subscribed(peer: SubscriberPeer, topic: string): void {
    this.events.push(`subscribed ${topic}`);
    const end = topic === "" ? this.#router.tap(peer) : this.#router.subscribe(topic, peer);
    this.#subscriptions.get(peer)?.set(topic, end);
  }

  unsubscribed(peer: SubscriberPeer, topic: string): void {
    this.events.push(`unsubscribed ${topic}`);
    this.#subscriptions.get(peer)?.get(topic)?.();
    this.#subscriptions.get(peer)?.delete(topic);
  }

  refused(peer: ZmtpPeer, fault: Fault, topic?: string): void {
    this.losses.push({ peer, fault, topic });
  }

  publisherGone(): void {
    this.events.push("publisher gone");
  }

  subscriberGone(peer: SubscriberPeer): void {
    this.events.push("subscriber gone");
    for (const end of this.#subscriptions.get(peer)?.values() ?? []) end();
    this.#subscriptions.delete(peer);
  }

  isProtected(name: string): boolean {
    return this.protectedNames.has(name);
  }

  received(message: Message, peer: PublisherPeer): void {
    this.messages.push({ topic: message.topic, payload: message.payload.toString("latin1"), peer });
    this.#ledger.refuse("test-received");
    this.onReceived(message, peer);
  }

  #met(what: string, peer: ZmtpPeer): void {
    this.peers.push(peer);
    this.events.push(`${what} ${peer.socketType} ${peer.principal?.agent ?? peer.declared ?? "?"}`);
  }
}

export interface World {
  readonly router: Router;
  readonly ledger: Ledger;
  readonly flusher: Flusher;
  readonly total: BacklogTotal;
  readonly policy: OpenPolicy;
  readonly listener: ZmtpListener;
  readonly limits: Limits;
  readonly logged: { readonly event: string; readonly fields: Readonly<Record<string, unknown>> }[];
  readonly inUrl: string;
  readonly outUrl: string;
}

export interface WorldOptions extends Partial<Pick<ZmtpListenerOptions, "inUrls" | "outUrls" | "auth">> {
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
}

/** A listener that is not started, with everything it needs. */
export function buildWorld(options: WorldOptions = {}): Omit<World, "inUrl" | "outUrl"> {
  const router = new Router();
  const ledger = new Ledger();
  const flusher = new Flusher();
  const limits: Limits = { ...defaultLimits, publisherDoorDelayMs: 0, ...options.limits };
  const total = new BacklogTotal(limits.backlogTotalMaxBytes, ledger);
  const policy = new OpenPolicy(router, ledger);
  const logged: World["logged"] = [];
  const listener = new ZmtpListener({
    isAwaited: () => true,
    router,
    ledger,
    flusher,
    endings: new Slices(options.clock ?? systemClock),
    limits,
    total,
    policy,
    clock: options.clock ?? systemClock,
    inUrls: options.inUrls ?? ["tcp://127.0.0.1:0"],
    outUrls: options.outUrls ?? ["tcp://127.0.0.1:0"],
    auth: options.auth ?? "optional",
    log: (event, fields) => {
      logged.push({ event, fields });
    },
  });
  return { router, ledger, flusher, total, policy, listener, limits, logged };
}

/** A started listener. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const world = buildWorld(options);
  const started = world.listener.start();
  const { clock } = options;
  if (clock instanceof FakeClock) {
    await until(() => clock.waiting > 1, "the delay between the doors");
    clock.advance(0);
  }
  await started;
  return { ...world, inUrl: world.listener.inEndpoints[0] ?? "", outUrl: world.listener.outEndpoints[0] ?? "" };
}

/** Resolves once `check` holds; asks after every turn of the loop and fails after `withinMs`. */
export async function until(check: () => boolean, what: string, withinMs = patienceMs): Promise<void> {
  const end = performance.now() + withinMs;
  while (!check()) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Both equations of the ledgers. */
export function isExact({ messages, copies, taps }: Ledger): boolean {
  const { accepted, routed, stored, refused, unroutable, malformed } = messages;
  return (
    accepted === routed + stored + refused + unroutable + malformed &&
    [copies, taps].every((ledger) => {
      const { full, closed, expired, unrenderable } = ledger.dropped;
      return ledger.copies === ledger.written + full + closed + expired + unrenderable + ledger.pending;
    })
  );
}

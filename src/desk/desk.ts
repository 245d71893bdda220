import {
  asFault,
  brokerTopic,
  Fault,
  noticeOf,
  type Envelope,
  type Exchange,
  type FaultNotice,
  type Ledger,
  type Lifecycle,
  type Limits,
  type Log,
  type Message,
  type Router,
} from "../core/index.js";
import type { Limiter } from "../identity/index.js";
import { deskKinds, deskLengths, operatorsOnly } from "./kinds.js";
import type { Ask, DeskServices, Seat } from "./kind.js";

/** Somebody who asks, as its transport knows it. */
export interface Asker {
  /** Whose rate pays: a connection where there is one, never a name that is only claimed. */
  readonly chargedTo: string;
  readonly seats: readonly Seat[];
  /** Tells it why it was refused. */
  refused(notice: FaultNotice): void;
  /** It is there: lists may show it. */
  seen(): void;
}

/** Knows who is behind a message. */
export interface Askers {
  /** Undefined if an answer could be heard by nobody, or by somebody else than who asks. */
  askerOf(message: Message, request: Envelope): Asker | undefined;
}

/** What a desk works with. */
export interface DeskOptions extends DeskServices {
  readonly router: Router;
  readonly exchange: Exchange;
  readonly ledger: Ledger;
  readonly limits: Limits;
  readonly limiter: Limiter;
  readonly askers: Askers;
  readonly log: Log;
}

/** Items of a list that cost as much as one request; a list that costs more than the burst takes a full one. */
const itemsPerToken = 100;

/** The broker as an agent: answers requests to `$broker` by their `content.kind`. */
export class Desk implements Lifecycle {
  readonly #options: DeskOptions;
  #stop: (() => void) | undefined;

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  start(): Promise<void> {
    this.#stop = this.#options.router.subscribe(brokerTopic, {
      deliver: (message, observed) => {
        if (observed) return false;
        const { envelope } = message;
        if (envelope?.type === "request") this.#answer(envelope, message);
        return true;
      },
    });
    return Promise.resolve();
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#stop?.();
    return Promise.resolve();
  }

  #answer(request: Envelope, message: Message): void {
    const { exchange, ledger, log, askers } = this.#options;
    const asker = askers.askerOf(message, request);
    if (asker === undefined) {
      ledger.count("asked-unheard");
      return;
    }
    try {
      const kind = request.content.kind ?? "";
      const { seats } = asker;
      const ask: Ask = { request, seats, viewer: message.speaker ?? provedOf(seats), context: this.#options };
      this.#charge(asker.chargedTo, kind, ask);
      asker.seen();
      const run = Object.hasOwn(deskKinds, kind) ? deskKinds[kind] : undefined;
      if (run === undefined)
        throw new Fault("unsupported", `the broker answers requests of content.kind ${offered(ask.viewer).join(", ")}`);
      const { replay = [], ...answer } = run(ask);
      exchange.announce(request.from, {
        type: "response",
        in_reply_to: request.message_id,
        content: { ...answer, kind },
      });
      for (const past of replay) exchange.announce(request.from, { ...past, replay: true });
    } catch (thrown) {
      const fault = asFault(thrown);
      if (fault.code === "internal") log("error", "the desk failed", { cause: String(fault.cause) });
      asker.refused(noticeOf(fault, request));
    }
  }

  /**
   * Once, before anything is looked up. The operator is answered however much there is: it looks when there is too
   * much.
   */
  #charge(key: string, kind: string, ask: Ask): void {
    if (ask.viewer?.scopes.has("operate") === true) return;
    const { limiter, limits } = this.#options;
    const items = Object.hasOwn(deskLengths, kind) ? (deskLengths[kind]?.(ask) ?? 0) : 0;
    const cost = 1 + Math.floor(items / itemsPerToken);
    const wait = limiter.take(key, { perSecond: limits.brokerRatePerSecond, burst: limits.brokerRateBurst }, cost);
    if (wait > 0)
      throw new Fault("rate-limited", "too many requests to the broker; ask less often", { retryAfterMs: wait });
  }
}

/** What is offered to whoever asked for something else: nothing that would then be forbidden. */
function offered(viewer: Ask["viewer"]): readonly string[] {
  return Object.keys(deskKinds).filter((kind) => !operatorsOnly.has(kind) || viewer?.scopes.has("operate") === true);
}

/** A claimed name may be anybody's: it is shown no more than the public sees. */
function provedOf(seats: readonly Seat[]): Ask["viewer"] {
  return seats.map(({ presence }) => presence.principal).find(({ trust }) => trust === "proved");
}

import {
  asFault,
  brokerTopic,
  Fault,
  listCost,
  noticeOf,
  Slices,
  type Content,
  type Envelope,
  type Exchange,
  type FaultNotice,
  type Lifecycle,
  type Limits,
  type Log,
  type Message,
} from "../core/index.js";
import { PastReading } from "../directory/index.js";
import type { Limiter } from "../identity/index.js";
import { hasRight, type Answer, type Ask, type ReadRequest, type Seat } from "./kind.js";
import { deskKinds, isDeskKind } from "./kinds.js";
import { DeskLists, type LongText } from "./lists.js";

/** Who asks, as its transport knows it. */
export interface Asker {
  /** Whose rate pays: a connection where there is one, never a name that is only claimed. */
  readonly chargedTo: string;
  readonly seats: readonly Seat[];
  readonly place?: Ask["place"];
  /** Tells it why it was refused. */
  refused(notice: FaultNotice): void;
  /** It is there: lists may show it. */
  seen(): void;
}

/** Knows who is behind a message. */
export interface Askers {
  /** Undefined if nobody would hear an answer, or if somebody else than who asks would hear it. */
  askerOf(message: Message, request: Envelope): Asker | undefined;
}

/** Where the desk learns who asks, looks for answers, takes what they cost, and says them. */
export interface DeskOptions extends Pick<Ask, "directory" | "status"> {
  readonly exchange: Exchange;
  readonly limits: Limits;
  readonly limiter: Limiter;
  readonly askers: Askers;
  readonly log: Log;
}

/** A request that has been read and paid for. */
interface Asked {
  readonly from: string;
  readonly id: string;
  readonly kind: string;
  readonly read: ReadRequest;
}

/** The broker as an agent: it answers requests to `$broker` by their `content.kind`. */
export class Desk implements Lifecycle {
  readonly #options: DeskOptions;
  /** Long answers, which all askers wait for together. */
  // Each is paid for by its length: a connection has brokerRateBurst × 100 items of them waiting at most.
  readonly #slices: Slices;
  readonly #lists = new DeskLists();
  #stop: (() => void) | undefined;

  constructor(options: DeskOptions) {
    this.#options = options;
    this.#slices = new Slices(options.exchange.clock, {
      failed: (thrown) => {
        options.log("error", "a list could not be answered", { cause: String(thrown) });
      },
    });
  }

  start(): Promise<void> {
    this.#stop = this.#options.exchange.router.subscribe(brokerTopic, {
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
    const { exchange, directory, status, askers } = this.#options;
    const asker = askers.askerOf(message, request);
    if (asker === undefined) {
      exchange.ledger.count("asked-unheard");
      return;
    }
    try {
      const { seats, place } = asker;
      const viewer = message.speaker ?? provedOf(seats);
      const ask: Ask = {
        asker: request.from,
        seats,
        viewer,
        directory,
        lists: this.#lists,
        status,
        ...(place && { place }),
      };
      const kind = request.content.kind ?? "";
      const read = readRequest(ask, kind, request.content);
      this.#charge(asker.chargedTo, ask, read instanceof Fault ? 0 : read.length);
      asker.seen();
      if (read instanceof Fault) throw read;
      const { from, message_id: id } = request;
      if (listCost(read.length) === 1 && (read.past?.() ?? []).length === 0) this.#say(asker, { from, id, kind, read });
      else void this.#sayInTurn(asker, { from, id, kind, read });
    } catch (thrown) {
      this.#refuse(asker, request, thrown);
    }
  }

  /** A long answer, or one that replays the past: it waits for its turn, and may be written in many. Never rejects. */
  async #sayInTurn(asker: Asker, asked: Asked): Promise<void> {
    let text: LongText | undefined;
    const reading = new PastReading(asked.read.past ?? (() => []), (past) => past.message()?.payload);
    try {
      await this.#slices.run(() => {
        if (reading.advance() === "more") return "more";
        text ??= asked.read.text?.();
        if (text === undefined) {
          this.#say(asker, asked);
          return undefined;
        }
        const content = text();
        if (content === undefined) return "more";
        this.#options.exchange.announceWritten(asked.from, asked.id, content);
        return undefined;
      });
    } catch (thrown) {
      this.#refuse(asker, { message_id: asked.id, to: brokerTopic }, thrown);
    }
  }

  /** An answer that tells of what is on its way to the disk. Never rejects. */
  async #sayLater(asker: Asker, asked: Asked, answer: Promise<Answer>): Promise<void> {
    try {
      this.#tell(asked, await answer);
    } catch (thrown) {
      this.#refuse(asker, { message_id: asked.id, to: brokerTopic }, thrown);
    }
  }

  /** @throws Fault */
  #say(asker: Asker, asked: Asked): void {
    const answer = asked.read.run();
    if (answer instanceof Promise) void this.#sayLater(asker, asked, answer);
    else this.#tell(asked, answer);
  }

  #tell({ from, id, kind }: Asked, { replay = [], ...answer }: Answer): void {
    const { exchange } = this.#options;
    exchange.announce(from, { type: "response", in_reply_to: id, content: { ...answer, kind } });
    for (const past of replay) {
      const message = past.message();
      if (message !== undefined) exchange.announceAgain(from, message);
    }
  }

  #refuse(asker: Asker, request: Pick<Envelope, "message_id" | "to">, thrown: unknown): void {
    const fault = asFault(thrown);
    if (fault.code === "internal") this.#options.log("error", "the desk failed", { cause: String(fault.cause) });
    asker.refused(noticeOf(fault, request));
  }

  /**
   * Takes the price of a request, refused or not, before anything is looked up. The operator never pays: it must be
   * able to look when there is too much of everything.
   * @throws Fault rate-limited
   */
  #charge(key: string, { viewer }: Ask, items: number): void {
    if (hasRight(viewer, "operate")) return;
    const { limiter, limits } = this.#options;
    const cost = listCost(items); // one that costs more than the burst takes a full one
    const wait = limiter.take(key, { perSecond: limits.brokerRatePerSecond, burst: limits.brokerRateBurst }, cost);
    if (wait > 0)
      throw new Fault("rate-limited", "too many requests to the broker; ask less often", { retryAfterMs: wait });
  }
}

/** @returns Fault unsupported, forbidden or malformed if the request is refused */
function readRequest(ask: Ask, kind: string, content: Content): ReadRequest | Fault {
  if (isDeskKind(kind)) return deskKinds[kind].read(ask, content);
  // Only what this asker may ask for is offered to it.
  const offered = Object.entries(deskKinds).filter(([, { right }]) => hasRight(ask.viewer, right));
  const names = offered.map(([name]) => name).join(", ");
  return new Fault("unsupported", `the broker answers requests of content.kind ${names}`);
}

/** A claimed name may be anybody's: it is shown no more than the public sees. */
function provedOf(seats: readonly Seat[]): Ask["viewer"] {
  return seats.map(({ presence }) => presence.principal).find(({ trust }) => trust === "proved");
}

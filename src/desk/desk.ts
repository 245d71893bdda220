import { Fault, listCost, Slices, type Exchange, type Lifecycle, type Limits, type Log } from "../core/index.js";
import { PastReading, type Answerer, type Asked, type Question, type Reply } from "../directory/index.js";
import type { Limiter } from "../identity/index.js";
import { hasRight, type Answer, type Ask, type Kind, type ReadRequest } from "./kind.js";
import { deskKinds, kindOf } from "./kinds.js";
import { DeskLists, type LongText } from "./lists.js";
import { DeskTopic, type Askers } from "./topic.js";

/** Where the desk learns who asks, looks for answers, takes what they cost, and says them. */
export interface DeskOptions extends Pick<
  Ask,
  "directory" | "mailboxes" | "status" | "forget" | "coordination" | "office" | "multiAgents" | "capabilities"
> {
  readonly exchange: Exchange;
  readonly limits: Limits;
  readonly limiter: Limiter;
  /** Knows who asks by a message to `$broker`. */
  readonly askers: Askers;
  readonly log: Log;
  /** What it answers; every kind that there is, if nothing is said. */
  readonly kinds?: Readonly<Record<string, Kind>>;
}

/** For answers that do not wait. */
const atOnce = AbortSignal.abort();

/** The broker as an agent: it answers by kind what it is asked, in whatever dialect. */
export class Desk implements Lifecycle, Answerer {
  readonly #options: DeskOptions;
  /** Long answers, which all askers wait for together. */
  // Each is paid for by its length: a connection has brokerRateBurst × 100 items of them waiting at most.
  readonly #slices: Slices;
  readonly #lists = new DeskLists();
  readonly #topic: DeskTopic;
  // bound: one for each connection that asks · evicts: with its answer, after brokerWaitMaxMs, or with its connection ·
  // owner: Desk
  readonly #waiting = new Map<string, () => void>();

  constructor(options: DeskOptions) {
    const { exchange, askers, log } = options;
    this.#options = options;
    this.#slices = new Slices(exchange.clock, {
      failed: (thrown) => {
        log("error", "a list could not be answered", { cause: String(thrown) });
      },
    });
    this.#topic = new DeskTopic({ exchange, askers, log, desk: this });
  }

  start(): Promise<void> {
    this.#topic.open();
    return Promise.resolve();
  }

  /** Who still waits is told what there is. */
  drain(): Promise<void> {
    for (const end of [...this.#waiting.values()]) end();
    return Promise.resolve();
  }

  stop(): Promise<void> {
    for (const end of [...this.#waiting.values()]) end();
    this.#topic.close();
    return Promise.resolve();
  }

  ask(question: Question, reply: Reply): Asked {
    const { directory, mailboxes, status, forget, coordination, office, multiAgents, capabilities } = this.#options;
    const { from, seats, viewer, place, kind, chargedTo } = question;
    const ask: Ask = {
      asker: from,
      seats,
      viewer,
      directory,
      mailboxes,
      chargedTo,
      lists: this.#lists,
      status,
      forget,
      coordination,
      office,
      multiAgents,
      capabilities,
      ...(place && { place }),
    };
    const read = this.#read(ask, kind, question.content);
    this.#charge(chargedTo, ask, read instanceof Fault ? 0 : read.length);
    question.seen?.();
    if (read instanceof Fault) throw read;
    if (read.waitMs > 0 && question.waits !== false) return { how: "beside", done: this.#wait(question, read, reply) };
    const isShort = listCost(read.length) === 1 && (read.past?.() ?? []).length === 0;
    return { how: "inTurn", done: isShort ? say(reply, kind, read) : this.#sayInTurn(reply, kind, read) };
  }

  /** @returns Fault unsupported, forbidden or malformed if the question is refused */
  #read(ask: Ask, word: string, content: Question["content"]): ReadRequest | Fault {
    const { kinds = deskKinds } = this.#options;
    const kind = kindOf(kinds, word);
    if (kind !== undefined) return kind.read(ask, content);
    // Only what this asker may ask for is offered to it.
    const offered = Object.entries(kinds).filter(([, { right }]) => hasRight(ask.viewer, right));
    const names = offered.map(([name]) => name).join(", ");
    return new Fault("unsupported", `there is no question of this kind; the broker answers ${names}`);
  }

  /** A long answer, or one that replays the past: it waits for its turn, and may be written in many. */
  async #sayInTurn(reply: Reply, kind: string, read: ReadRequest): Promise<void> {
    let text: LongText | undefined;
    const said: { done?: void | Promise<void> } = {};
    const reading = new PastReading(read.past ?? (() => []), (past) => {
      reply.ready(past);
    });
    await this.#slices.run(() => {
      if (reading.advance() === "more") return "more";
      text ??= read.text?.();
      if (text === undefined) {
        said.done = say(reply, kind, read);
        return undefined;
      }
      const content = text();
      if (content === undefined) return "more";
      reply.written(content);
      return undefined;
    });
    await said.done;
  }

  /**
   * An answer that may have to wait until something happens. Nothing is told to who is gone.
   * @throws Fault full
   */
  #wait({ chargedTo, kind, whenGone }: Question, read: ReadRequest, reply: Reply): Promise<void> {
    if (this.#waiting.has(chargedTo))
      throw new Fault("full", `you wait for an answer to ${kind} already; ask again when it has come`);
    const { exchange, limits } = this.#options;
    const over = new AbortController();
    const end = (): void => {
      over.abort();
    };
    let isGone = false;
    const cancel = exchange.clock.after(Math.min(read.waitMs, limits.brokerWaitMaxMs), end);
    const stay = whenGone(() => {
      isGone = true;
      end();
    });
    this.#waiting.set(chargedTo, end);
    const answered = async (): Promise<void> => {
      try {
        const answer = await read.run(over.signal);
        if (!isGone) tell(reply, kind, answer);
      } finally {
        cancel();
        stay();
        this.#waiting.delete(chargedTo);
      }
    };
    return answered();
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

/** @throws Fault, now or as a rejection */
function say(reply: Reply, kind: string, read: ReadRequest): void | Promise<void> {
  const answer = read.run(atOnce);
  if (!(answer instanceof Promise)) {
    tell(reply, kind, answer);
    return undefined;
  }
  return answer.then((kept) => {
    tell(reply, kind, kept);
  });
}

function tell(reply: Reply, kind: string, { replay = [], heardBy, ...answer }: Answer): void {
  reply.answered({ ...answer, kind }, replay, heardBy);
}

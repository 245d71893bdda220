import { randomUUID } from "node:crypto";
import { isExpired, type Content, type Envelope, type Log } from "../../../src/core/index.js";
import type { Hearing } from "./hearing.js";
import { retryDelayMs, type TakeSettings } from "./mailbox-settings.js";
import type { Notice, Request } from "./options.js";
import { Refuse } from "./refuse.js";
import type { Held, Taking } from "./taking.js";

/** Answers a request; a `messageId` where the same answer may be said again. */
export type Respond = (
  request: Request,
  content: string | Content,
  options: { readonly messageId: string },
) => Promise<void>;

/** What a {@link TakeLoop} works with. */
export interface TakeLoopParts {
  readonly taking: Taking;
  readonly hearing: Pick<Hearing, "onRequest" | "onInform" | "onResponse" | "unhandled">;
  readonly respond: Respond;
  readonly tell: Log;
  /** Messages without a handler that are held at most. */
  readonly inboxMax: number;
}

/**
 * Takes messages out of the mailbox for the agent's handlers, and those without a handler for who iterates. What a
 * handler returns from is settled, what it throws is given back and comes again. Nothing is taken while nobody wants it.
 */
export class TakeLoop {
  readonly #parts: TakeLoopParts;
  readonly #settings: TakeSettings;
  // bound: batch · evicts: when it is settled · owner: TakeLoop
  readonly #open = new Set<Promise<void>>();
  // bound: those who iterate over the agent · evicts: when they ask for the next one, or leave · owner: TakeLoop
  readonly #inHand = new Set<Held>();
  #running = 0;
  #isDue = false;
  #hasWarned = false;
  #phase: "open" | "stopped" = "open";

  constructor(settings: TakeSettings, parts: TakeLoopParts) {
    this.#settings = settings;
    this.#parts = parts;
  }

  /** There is something new: a message, a handler, somebody who iterates, or room. */
  changed(): void {
    if (this.#isDue || this.#phase === "stopped") return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.#pump();
    });
  }

  /** Begins nothing more. */
  stop(): void {
    this.#phase = "stopped";
  }

  /** Waits until what was begun is settled, `withinMs` at most. What iterators have in hand goes back. */
  async drain(withinMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => (timer = setTimeout(resolve, withinMs, "late")));
    while (this.#open.size > 0) if ((await Promise.race([Promise.allSettled(this.#open), late])) === "late") break;
    clearTimeout(timer);
    const { taking } = this.#parts;
    await Promise.all([...this.#inHand].map((held) => taking.settle(held, { kind: "release", delayMs: 0 })));
    this.#inHand.clear();
  }

  #pump(): void {
    if (this.#phase === "stopped") return;
    const { taking } = this.#parts;
    for (const held of taking.waiting) this.#begin(held);
    taking.waiting = taking.waiting.filter(({ phase }) => phase === "waiting");
    this.#askForMore();
  }

  #begin(held: Held): void {
    const { taking, hearing } = this.#parts;
    const { envelope } = held;
    if (envelope.type === "request" && isExpired(envelope, Date.now())) {
      held.phase = "settling";
      taking.forget(held); // the broker settles it as expired
      return;
    }
    const handler = this.#handlerOf(held);
    if (handler !== undefined) {
      if (this.#running < this.#settings.parallel) this.#handle(held, handler);
    } else if (hearing.unhandled.isWanted) {
      held.phase = "begun";
      this.#inHand.add(held);
      hearing.unhandled.put(envelope, (how) => {
        if (this.#inHand.delete(held))
          this.#follow(taking.settle(held, how === "next" ? { kind: "done" } : { kind: "release", delayMs: 0 }));
      });
    }
  }

  /** Asks for more when half of what it may have is free: the fewer questions, the more at once. */
  #askForMore(): void {
    const { taking, hearing, inboxMax } = this.#parts;
    const { batch } = this.#settings;
    const { onRequest, onInform, onResponse, unhandled } = hearing;
    const isWanted = unhandled.isWanted || (onRequest ?? onInform ?? onResponse) !== undefined;
    if (!isWanted) {
      if (taking.waiting.length > 0) void taking.releaseWaiting();
      return;
    }
    const unclaimed = taking.waiting.filter((held) => this.#handlerOf(held) === undefined).length;
    const room = batch - (taking.size - unclaimed);
    if (taking.isAsking || room * 2 < batch) return;
    if (unclaimed >= inboxMax) this.#warn(unclaimed);
    else void this.#ask(room);
  }

  /** Never rejects. */
  async #ask(max: number): Promise<void> {
    const { taking, tell } = this.#parts;
    try {
      await taking.ask(max, this.#settings);
    } catch (thrown) {
      if (this.#phase === "stopped") return;
      this.stop();
      const cause = thrown instanceof Error ? thrown.message : String(thrown);
      tell("error", "no more messages are taken out of the mailbox", { cause });
    }
  }

  #warn(count: number): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    process.emitWarning(
      `${count} messages out of the mailbox wait, and no handler takes them: set onInform, onResponse and onRequest, ` +
        "iterate over the agent, or raise inboxMax",
    );
  }

  #handlerOf({ envelope }: Held): ((message: Envelope) => unknown) | undefined {
    const { onRequest, onInform, onResponse } = this.#parts.hearing;
    const { type } = envelope;
    if (type === "request") return onRequest && ((message) => onRequest({ ...message, type }));
    const onNotice = type === "response" ? onResponse : onInform;
    const isNotice = type === "response" ? type : "inform";
    return onNotice && ((message) => onNotice({ ...message, type: isNotice } satisfies Notice));
  }

  #handle(held: Held, handler: (message: Envelope) => unknown): void {
    held.phase = "begun";
    this.#running += 1;
    this.#follow(this.#settled(held, handler));
  }

  #follow(work: Promise<unknown>): void {
    const done = work.then(
      () => undefined,
      (thrown: unknown) => {
        this.#parts.tell("error", "a message of the mailbox failed", { cause: String(thrown) });
      },
    );
    this.#open.add(done);
    void done.then(() => this.#open.delete(done));
  }

  async #settled(held: Held, handler: (message: Envelope) => unknown): Promise<void> {
    const { taking } = this.#parts;
    const { envelope } = held;
    const messageId = randomUUID();
    let answer: unknown;
    try {
      await Promise.resolve(); // not within the turn of who has set the handler
      try {
        answer = await handler(envelope);
        if (envelope.type === "request") await this.#respond(held, answer, messageId);
      } finally {
        this.#running -= 1;
        this.changed();
      }
    } catch (thrown) {
      await this.#failed(held, thrown);
      return;
    }
    if (envelope.type === "request") await this.#answered(held, answer, messageId);
    else await taking.settle(held, { kind: "done" });
  }

  /** What the handler gave, checked where it is written. @throws Fault malformed, too-large, unavailable */
  #respond({ envelope }: Held, answer: unknown, messageId: string): Promise<void> {
    return this.#parts.respond({ ...envelope, type: "request" }, (answer ?? "") as string | Content, { messageId });
  }

  /**
   * A response settles its request once the broker has read it, which it says when it is asked. If the line broke before
   * that, the response may be lost: it is said again, under its id. Where it has reached nobody, the message is done with.
   */
  async #answered(held: Held, answer: unknown, messageId: string): Promise<void> {
    const { taking } = this.#parts;
    let { lines } = taking;
    for (let looks = 0; ; looks += 1) {
      const state = await taking.settleById(held.deliveryId, { kind: "extend", leaseMs: this.#settings.leaseMs });
      if (state !== "leased" && state !== "waiting") break;
      if (taking.lines !== lines) {
        ({ lines } = taking);
        looks = 0;
        await this.#respond(held, answer, messageId);
      } else if (looks > 0) {
        await taking.settle(held, { kind: "done" });
        return;
      }
    }
    taking.forget(held);
  }

  async #failed(held: Held, thrown: unknown): Promise<void> {
    const { taking, tell } = this.#parts;
    if (thrown instanceof Refuse) {
      await taking.settle(held, { kind: "refuse", reason: thrown.reason });
      return;
    }
    const delayMs = retryDelayMs(this.#settings.retryMs, held.attempt);
    tell("error", "a handler failed, its message comes again", {
      id: held.envelope.message_id,
      attempt: held.attempt,
      delayMs,
      cause: String(thrown),
    });
    await taking.settle(held, { kind: "release", delayMs });
  }
}

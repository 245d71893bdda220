import { randomUUID } from "node:crypto";
import { asFault, type Envelope, type Log } from "../../../src/core/index.js";
import { takenIn, type MailState, type TakenMail } from "./mail-answers.js";
import type { TakeSettings } from "./mailbox-settings.js";
import { isPassing, Settlements, sleep, type AskBroker, type Verdict } from "./settlements.js";
import { takeBack } from "./take-back.js";

/** A message that this agent has leased. */
export interface Held extends TakenMail {
  /** waiting: nobody has it yet · begun: somebody handles it · settling: the broker is told what became of it. */
  phase: "waiting" | "begun" | "settling";
  /** It was given back, and has come again before the broker's answer to that. */
  again?: TakenMail;
}

/** What {@link Taking} works with. */
export interface TakingParts {
  /** Who takes. */
  readonly name: string;
  /** No other program has this name: what is leased to it is here, or lost. */
  readonly isAlone: boolean;
  readonly ask: AskBroker;
  readonly tell: Log;
  /** Takes what somebody here waits for: an answer, a receipt. @returns false if nobody does */
  readonly isAwaited: (envelope: Envelope) => boolean;
  /** There is something new in `waiting`, or room for more. */
  readonly changed: () => void;
}

/** Questions whose late answers are still taken. */
const lateMax = 8;
/** Deliveries that whoever reads the mailbox may have in hand: a later look for lost ones knows no more of them. */
const inHandMax = 1_000;
/** How long an answer may be late, milliseconds. */
const answerMs = 5_000;
const againMs = 250;
/** Time between two questions: a broker answers 50 a second. */
const pauseMs = 50;
/** How long a closing agent waits for the answer to its last question, milliseconds. */
const lastAnswerMs = 1_000;

/**
 * Takes messages out of this agent's mailbox, one question at a time, and keeps them leased until they are settled. No
 * message is here twice: one that is delivered again while it is here has only a new lease.
 */
export class Taking {
  /** Messages that nobody has yet, in the order in which they came. */
  waiting: Held[] = [];
  readonly #parts: TakingParts;
  readonly #settlements: Settlements;
  // bound: batch for handlers, inboxMax for iteration · evicts: when the broker knows what became of it · owner: Taking
  readonly #held = new Map<string, Held>();
  /** Ids of what was handed out to whoever settles it. */
  // bound: inHandMax · evicts: when it is settled, the oldest first · owner: Taking
  readonly #inHand = new Set<string>();
  /** Ids of the last questions. */
  #asked: string[] = [];
  #asking: Promise<void> | undefined;
  #lastAt = -Infinity;
  #hurry = new AbortController();
  #extending: NodeJS.Timeout | undefined;
  #leaseMs = 0;
  #lines = 0;
  /** Resolves when the broker has what was given back. */
  #givenBack: Promise<unknown> = Promise.resolve();
  #phase: "open" | "closing" | "closed" = "open";
  /** The answer to a question may be lost, and with it what it brought. */
  #isInDoubt = false;

  constructor(parts: TakingParts) {
    this.#parts = parts;
    this.#settlements = new Settlements(parts.ask);
  }

  /** How often the broker was reached. */
  get lines(): number {
    return this.#lines;
  }

  /** False once this agent begins to leave. */
  get isOpen(): boolean {
    return this.#phase === "open";
  }

  /** A question is on its way. */
  get isAsking(): boolean {
    return this.#asking !== undefined;
  }

  /** Messages that are held, settled ones of which the broker does not know yet among them. */
  get size(): number {
    return this.#held.size;
  }

  /**
   * Asks for messages once, unless a question is on its way; they come into `waiting`. Resolves when it is answered.
   * @throws Fault of what stays so: forbidden, not-found (there is no box), going-away
   */
  async ask(max: number, settings: TakeSettings): Promise<void> {
    if (this.#asking !== undefined || this.#phase !== "open") return this.#asking;
    this.#leaseMs = settings.leaseMs;
    this.#asking = this.#ask(max, settings);
    try {
      await this.#asking;
    } finally {
      this.#asking = undefined;
      this.#parts.changed();
    }
  }

  /** Takes the late answer to a question of before. @returns false if it is none */
  takeLate(answer: Envelope): boolean {
    const { from, type, in_reply_to: id } = answer;
    if (from !== "$broker" || type !== "response" || id === undefined || !this.#asked.includes(id)) return false;
    this.#admit(id, answer);
    return true;
  }

  /** Tells the broker what becomes of a message; it is held until the broker knows. Never rejects. */
  async settle(held: Held, verdict: Exclude<Verdict, { kind: "extend" }>): Promise<MailState | "unknown"> {
    held.phase = "settling";
    try {
      return await this.#settlements.settle(held.deliveryId, verdict);
    } catch (thrown) {
      this.#parts.tell("error", "a message of the mailbox could not be settled", {
        id: held.envelope.message_id,
        cause: asFault(thrown).message,
      });
      return "unknown";
    } finally {
      this.forget(held);
      if (verdict.kind === "release" && held.again !== undefined) this.#hold([held.again]);
    }
  }

  /** The same for who asks for it by the delivery alone. @throws Fault forbidden, not-found, going-away */
  async settleById(deliveryId: string, verdict: Verdict): Promise<MailState | "unknown"> {
    const state = await this.#settlements.settle(deliveryId, verdict);
    if (verdict.kind !== "extend") this.#inHand.delete(deliveryId);
    return state;
  }

  /**
   * Frees what is leased to this name and not here; `leased`: so many are, if that is known. Not where others may have it.
   * @throws Fault
   */
  async takeBack(leased?: number, asking?: Parameters<AskBroker>[2]): Promise<void> {
    if (!this.#parts.isAlone) return;
    const giveBack = async (id: string): Promise<void> => {
      if (!this.#held.has(id) && !this.#inHand.has(id)) await this.settleById(id, { kind: "release", delayMs: 0 });
    };
    await takeBack({ ...this.#parts, giveBack }, leased, asking);
  }

  /** Whoever asked for it has it from now on, until it is settled. */
  hand(held: Held): void {
    this.#inHand.add(held.deliveryId);
    for (const oldest of this.#inHand) {
      if (this.#inHand.size <= inHandMax) break;
      this.#inHand.delete(oldest);
    }
    this.forget(held);
  }

  /** It is not held any more, whatever becomes of it. */
  forget({ deliveryId }: Held): void {
    this.#held.delete(deliveryId);
    if (this.#held.size === 0) this.#stopExtending();
    this.#parts.changed();
  }

  /** Gives back what nobody has yet: it can be taken again at once. Resolves when the broker has all of it. */
  async releaseWaiting(): Promise<void> {
    const waiting = this.waiting;
    this.waiting = [];
    const before = this.#givenBack;
    this.#givenBack = Promise.all([
      before,
      ...waiting.map((held) => this.settle(held, { kind: "release", delayMs: 0 })),
    ]);
    await this.#givenBack;
  }

  /** The broker is reached, for the first time or again: what was asked over the line before is asked anew. */
  reconnected(): void {
    this.#lines += 1;
    this.#hurry.abort();
    this.#hurry = new AbortController();
    this.#settlements.reconnected();
  }

  /** Takes nothing more, and gives back what nobody has yet. */
  async drain(): Promise<void> {
    this.#phase = "closing";
    if (this.waiting.length === 0) return;
    const asking = this.#asking?.catch(() => undefined);
    await this.releaseWaiting();
    // A question that waits gets at once what was given back; then it goes back again.
    if (asking === undefined) return;
    await Promise.race([asking, sleep(lastAnswerMs, new AbortController().signal)]);
    // Some of it may have come before the broker said that it was given back.
    for (let back; back !== this.#givenBack; await back) back = this.#givenBack;
  }

  close(): void {
    this.#phase = "closed";
    this.#stopExtending();
    this.#hurry.abort();
    this.#settlements.close();
  }

  async #ask(max: number, { waitMs, leaseMs, maxTokens }: TakeSettings): Promise<void> {
    const data = { max, wait_ms: waitMs, lease_ms: leaseMs, ...(maxTokens !== undefined && { max_tokens: maxTokens }) };
    for (;;) {
      await sleep(this.#lastAt + pauseMs - performance.now(), this.#hurry.signal);
      if (this.#phase !== "open") return;
      const { signal } = this.#hurry;
      let pauseAfterMs: number;
      try {
        if (this.#isInDoubt) await this.takeBack(undefined, { timeoutMs: answerMs, signal });
        this.#isInDoubt = false;
        const messageId = randomUUID();
        this.#asked = [...this.#asked.slice(1 - lateMax), messageId];
        this.#lastAt = performance.now();
        const answer = await this.#parts.ask("mailbox.take", data, { messageId, timeoutMs: waitMs + answerMs, signal });
        this.#admit(messageId, answer);
        return;
      } catch (thrown) {
        const fault = asFault(thrown);
        if (!isPassing(fault) || !this.isOpen) throw fault;
        this.#isInDoubt ||= fault.code === "timeout";
        pauseAfterMs = Math.max(againMs, fault.retryAfterMs ?? 0);
      }
      await sleep(pauseAfterMs, this.#hurry.signal);
    }
  }

  #admit(id: string, answer: Envelope): void {
    this.#asked = this.#asked.filter((one) => one !== id);
    this.#hold(takenIn(answer, this.#parts.name));
  }

  #hold(all: readonly TakenMail[]): void {
    for (const taken of all) {
      const known = this.#held.get(taken.deliveryId);
      if (known !== undefined) {
        // It is here, and the delivery has made its lease new; or it was given back.
        if (known.phase === "settling") known.again = taken;
        continue;
      }
      const held: Held = { ...taken, phase: "waiting" };
      this.#held.set(taken.deliveryId, held);
      if (this.#parts.isAwaited(taken.envelope)) void this.settle(held, { kind: "done" });
      else this.waiting.push(held);
    }
    if (this.#held.size > 0) this.#extending ??= setInterval(() => void this.#extend(), this.#leaseMs / 3);
    if (this.#phase !== "open") void this.releaseWaiting();
    this.#parts.changed();
  }

  /** Makes the leases of all that is held new. What the broker has not leased any more, and nobody has begun, is gone. */
  async #extend(): Promise<void> {
    const all = [...this.#held.values()].filter(({ phase }) => phase !== "settling");
    const verdict = { kind: "extend", leaseMs: this.#leaseMs } as const;
    await Promise.all(
      all.map(async (held) => {
        const state = await this.settleById(held.deliveryId, verdict).catch(() => "leased" as const);
        if (state === "leased" || held.phase !== "waiting") return;
        this.waiting = this.waiting.filter((one) => one !== held);
        this.forget(held);
      }),
    );
  }

  #stopExtending(): void {
    clearInterval(this.#extending);
    this.#extending = undefined;
  }
}

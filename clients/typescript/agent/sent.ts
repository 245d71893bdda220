import { randomUUID } from "node:crypto";
import {
  asFault,
  everyone,
  Fault,
  isRoom,
  receiptWords,
  type Envelope,
  type MessageType,
  type ReceiptWord,
} from "../../../src/core/index.js";
import { faultOf, isFaultNotice } from "./incoming.js";
import { receiptsIn, wordOf, type Delivery, type Receipt } from "./mail-answers.js";
import { checkNames, checkReceipt } from "./said-options.js";
import type { SendOptions } from "./options.js";

/** How a message to a mailbox is sent. */
export interface ReceiptOptions<Word extends ReceiptWord> extends Omit<SendOptions, "receipt"> {
  /** What is to be told; both if absent. */
  readonly receipt?: readonly Word[];
  /** What it is; an inform if absent. The response to a request goes to `onResponse`, whenever it comes. */
  readonly type?: "inform" | "request";
  /** How long a first word about it is waited for, milliseconds; `requestTimeoutMs` of the agent if absent. */
  readonly timeoutMs?: number;
}

/** A message that was sent, and a promise for each state that its sender asked to be told. */
export type Sent<Word extends ReceiptWord = ReceiptWord> = { readonly messageId: string } & Readonly<
  Record<Word, Promise<Receipt>>
>;

/** A message whose sender waits for receipts. */
interface Awaited {
  readonly id: string;
  readonly to: string;
  readonly type: MessageType;
  readonly open: Map<
    ReceiptWord,
    { readonly resolve: (receipt: Receipt) => void; readonly reject: (fault: Fault) => void }
  >;
  /** What was told of it last: nothing, that it is stored, or that it was refused. */
  known: "nothing" | "stored" | Fault;
  /** When its state is asked for, milliseconds of `performance.now()`. */
  dueAt: number;
}

/** What {@link SentMessages} works with: the broker's word on where a message of this agent's stands. */
export type AskState = (messageId: string) => Promise<readonly Delivery[]>;

/** How often those that are due are looked for, and how long after a fault, or the end of a delivery, milliseconds. */
const roundMs = 250;
const settleMs = 500;
/** How long after it was to be delivered at most something is still told of it, milliseconds. */
const overdueMs = 60_000;
/** How long after a failure the state is asked for again, milliseconds. */
const againMs = 1_000;

/**
 * Messages of one agent whose receipts are awaited (protocols §9.12). Receipts can be lost with a broker that is killed:
 * where none comes, the broker is asked where the message stands.
 */
export class SentMessages {
  // bound: pendingMax of the agent's options · evicts: one more is refused as full · owner: SentMessages
  readonly #awaited = new Map<string, Awaited>();
  readonly #max: number;
  readonly #askState: AskState;
  #round: NodeJS.Timeout | undefined;
  #isAsking = false;

  constructor(max: number, askState: AskState) {
    this.#max = max;
    this.#askState = askState;
  }

  /**
   * Sends a message by `publish`, and waits for receipts about it. A promise that nobody waits for fails in silence.
   * @param options with `timeoutMs`: how long a first word about it is waited for
   * @throws Fault malformed: an unknown option, `receipt` is not a list of its words; all else fails by the promises
   */
  send<Word extends ReceiptWord>(
    to: string,
    options: ReceiptOptions<Word> & { readonly timeoutMs: number },
    publish: (type: "inform" | "request", options: SendOptions) => Promise<void>,
  ): Sent<Word> {
    const { receipt, type = "inform", timeoutMs, messageId: id = randomUUID(), ...rest } = options;
    // Thrown at once: other words have no promise that could tell it, and a slip of the pen must not be missed.
    checkNames(options);
    const words: readonly ReceiptWord[] = receipt ?? receiptWords;
    checkReceipt(words);
    if (isRoom(to) || to === everyone)
      throw new Fault("malformed", `${to} has no mailbox, so nothing is told of what is said there; inform says it`);
    if (options.ephemeral === true && words.length > 0)
      throw new Fault(
        "malformed",
        "what is ephemeral goes into no mailbox, and nothing else tells receipts: inform says it",
      );
    const awaited: Awaited = { id, to, type, open: new Map(), known: "nothing", dueAt: performance.now() + timeoutMs };
    const promises = words.map((word) => {
      const promise = new Promise<Receipt>((resolve, reject) => awaited.open.set(word, { resolve, reject }));
      promise.catch(() => undefined); // told to who waits for it
      return [word, promise] as const;
    });
    const refusal = this.#refusal(id);
    if (refusal === undefined) {
      if (words.length > 0) this.#add(awaited);
      publish(type, { ...rest, messageId: id, receipt: words }).catch((thrown: unknown) => {
        this.#fail(awaited, asFault(thrown));
      });
    } else fail(awaited, refusal);
    return { messageId: id, ...Object.fromEntries(promises) } as Sent<Word>; // a promise for each word
  }

  /** Takes receipts, and refusals, of messages that are awaited. @returns false if it tells of others, too */
  take(envelope: Envelope): boolean {
    if (isFaultNotice(envelope)) return this.#refused(envelope);
    const receipts = receiptsIn(envelope);
    if (receipts === undefined) return false;
    let isOurs = receipts.ids.length > 0;
    for (const id of receipts.ids) {
      const awaited = this.#awaited.get(id);
      if (awaited === undefined) isOurs = false;
      else this.#told(awaited, { id, ...receipts.rest });
    }
    return isOurs;
  }

  /** The broker is reached again: receipts may be lost, so it is asked. */
  reconnected(): void {
    const soon = performance.now() + settleMs;
    for (const awaited of this.#awaited.values()) awaited.dueAt = Math.min(awaited.dueAt, soon);
  }

  close(fault: Fault): void {
    for (const awaited of this.#awaited.values()) fail(awaited, fault);
    this.#awaited.clear();
    this.#stop();
  }

  #refused(notice: Envelope): boolean {
    const awaited = notice.in_reply_to === undefined ? undefined : this.#awaited.get(notice.in_reply_to);
    if (awaited === undefined) return false;
    // What became of a request that was stored is told by a receipt as well; the fault is for who waits for the answer.
    if (awaited.known === "stored") return awaited.type !== "request";
    const fault = faultOf(notice);
    if (awaited.type !== "request") {
      this.#fail(awaited, fault);
      return true;
    }
    awaited.known = fault;
    awaited.dueAt = performance.now() + settleMs;
    return true;
  }

  #told(awaited: Awaited, receipt: Receipt): void {
    const { open } = awaited;
    awaited.known = "stored";
    awaited.dueAt = (receipt.until === undefined ? Infinity : untilOf(receipt.until)) + overdueMs;
    open.get("stored")?.resolve(receipt.state === "stored" ? receipt : { id: receipt.id, state: "stored" });
    open.delete("stored");
    if (wordOf(receipt) === "settled") {
      open.get("settled")?.resolve(receipt);
      open.delete("settled");
    }
    if (open.size === 0) this.#remove(awaited);
  }

  #refusal(id: string): Fault | undefined {
    if (this.#awaited.has(id))
      return new Fault(
        "conflict",
        `receipts of a message ${id} are awaited already; give each message its own messageId`,
      );
    if (this.#awaited.size >= this.#max)
      return new Fault(
        "full",
        `receipts of ${this.#max} messages are awaited already; wait for some of them first, or raise pendingMax`,
      );
    return undefined;
  }

  /** Nothing will be told of it. */
  #fail(awaited: Awaited, fault: Fault): void {
    if (this.#awaited.get(awaited.id) === awaited) this.#remove(awaited);
    fail(awaited, fault);
  }

  #add(awaited: Awaited): void {
    this.#awaited.set(awaited.id, awaited);
    this.#round ??= setInterval(() => void this.#askDue(), roundMs);
  }

  #remove({ id }: Awaited): void {
    this.#awaited.delete(id);
    if (this.#awaited.size === 0) this.#stop();
  }

  #stop(): void {
    clearInterval(this.#round);
    this.#round = undefined;
  }

  /** One question after another. Never rejects. */
  async #askDue(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const now = performance.now();
    for (const awaited of [...this.#awaited.values()].filter(({ dueAt }) => dueAt <= now)) {
      if (this.#awaited.get(awaited.id) !== awaited) continue;
      try {
        this.#answered(awaited, await this.#askState(awaited.id));
      } catch (thrown) {
        awaited.dueAt = performance.now() + Math.max(againMs, asFault(thrown).retryAfterMs ?? 0);
        break; // the others would hear the same now
      }
    }
    this.#isAsking = false;
  }

  #answered(awaited: Awaited, deliveries: readonly Delivery[]): void {
    if (this.#awaited.get(awaited.id) !== awaited) return;
    const { id, to, known } = awaited;
    const delivery = deliveries.find((one) => one.to === to) ?? deliveries[0];
    if (delivery === undefined) {
      this.#fail(awaited, known instanceof Fault ? known : new Fault("timeout", unknownWords(to)));
      return;
    }
    const { state, reason, until } = delivery;
    // A request that was handed over and has no answer yet is not settled.
    const isOpen = state === "waiting" || state === "leased" || (state === "done" && awaited.type === "request");
    if (!isOpen) this.#told(awaited, { id, state, ...(reason !== undefined && { reason }) });
    else if (untilOf(until) + overdueMs > performance.now()) this.#told(awaited, { id, state: "stored", until });
    else
      this.#fail(
        awaited,
        new Fault("timeout", `nothing was told of the message to ${to} until its end; see messageState`),
      );
  }
}

function unknownWords(to: string): string {
  return `no mailbox has the message, and nothing is known of it: ${to} has none, or it did not get there`;
}

/** A wall time as one of `performance.now()`. */
function untilOf(time: string): number {
  const at = Date.parse(time);
  return Number.isNaN(at) ? Infinity : performance.now() + at - Date.now();
}

function fail({ open }: Awaited, fault: Fault): void {
  for (const { reject } of open.values()) reject(fault);
  open.clear();
}

import type { Kept } from "./outbox-ports.js";
import type { NetworkFrame } from "../frames.js";
import type { DeliveryState } from "./reports.js";

/**
 * Where a message is. `keeping`: on its way to the disk. `waiting`: not said since its conversation has this key.
 * `line`: said, until its time is over. `again`: to be said again as it was. `over`: delivered or given up.
 */
export type Phase = "keeping" | "waiting" | "line" | "again" | "over";

/** A message that waits. Only its {@link Lane} changes `phase`. */
export interface Item {
  readonly kept: Kept;
  /** About what it takes in memory, bytes. */
  readonly bytes: number;
  phase: Phase;
  /** Waits for its receipt that ran out, and refusals that may pass. */
  tries: number;
  /** While it is on the line: when it is said again, monotonic milliseconds. */
  dueAt: number;
  /** As it was said; the same again until there is another key. */
  frame?: NetworkFrame;
  /** It may have been said under an earlier key, so that a receipt need not be of this frame. */
  wasSaid: boolean;
  told: DeliveryState | undefined;
}

/** An offer of a handshake that is said until it is answered. */
export interface Offer {
  readonly id: string;
  /** How often offers were said, this one included. */
  readonly said: number;
  /** When the next one is, monotonic milliseconds. */
  dueAt: number;
}

/** What goes first: 0 `HIGH`, 1, 2 `LOW`. */
export type Rank = 0 | 1 | 2;
export const ranks: readonly Rank[] = [0, 1, 2];

/** Frames of a conversation without receipt at once: the receiver waits for so many (Agent Network §11.5). */
const windowMax = 256;

/** What waits in one conversation with one recipient, sealed or plain: it leaves in the order in which it was said. */
export class Lane {
  /** On the line or to be said again, in the order of the counter. */
  // bound: windowMax · evicts: with the receipt, or given up · owner: Lane
  #said = new Map<string, Item>();
  /** Not said yet. All of them are younger than what was said. */
  // bound: perRecipientMax of the outbox · evicts: once said · owner: Lane
  #unsaid = new Map<string, Item>();
  readonly #wanting: [number, number, number] = [0, 0, 0];
  #again = 0;
  /** With a counter the receiver puts in order what overtook on the way; without one, one at a time is on the line. */
  mode: "plain" | "seed" | 2;
  /** The key is not to be used any more, whatever the conversations say. */
  isRenewing = false;
  /** Why a handshake is wanted, whether a message waits or not. What is said after a lost counter needs a new key. */
  wanted: "no" | "asked-for" | "counter-lost" = "no";
  offer: Offer | undefined;
  /**
   * Up to this `seq` messages were delivered, maybe by frames under an earlier key: the peer may wait for their counters
   * under this one. The receipt of a later message, said under this key alone, shows that it does not.
   */
  unproved: number | undefined;
  /** Ends the timer of what is on the line, and when it is due, monotonic milliseconds. */
  timer: { readonly at: number; readonly cancel: () => void } | undefined;

  constructor(
    readonly peer: string,
    readonly conversationId: string,
    readonly isPlain: boolean,
  ) {
    this.mode = isPlain ? "plain" : 2;
  }

  get size(): number {
    return this.#said.size + this.#unsaid.size;
  }

  /** All of it, the oldest first; may change while it is iterated. */
  *[Symbol.iterator](): IterableIterator<Item> {
    yield* this.#said.values();
    yield* this.#unsaid.values();
  }

  /** What is on the line or to be said again. */
  said(): Iterable<Item> {
    return this.#said.values();
  }

  /** How urgent the most urgent message is that wants to be said: those before it have to leave first. */
  get rank(): Rank {
    return ranks.find((rank) => this.#wanting[rank] > 0) ?? 1;
  }

  push(item: Item): void {
    this.#unsaid.set(item.kept.messageId, item);
    this.#count(item, 1);
  }

  /** What is to be said now; undefined if nothing is, or too much is on the line. */
  next(): Item | undefined {
    if (this.#again > 0)
      for (const item of this.#said.values())
        if (item.phase === "again") return this.mode === 2 ? item : this.#only(item);
    if (this.#said.size >= (this.mode === 2 ? windowMax : 1)) return undefined;
    for (const item of this.#unsaid.values()) return item.phase === "waiting" ? item : undefined;
    return undefined;
  }

  /** It has been said; until `dueAt` its receipt is waited for. */
  onLine(item: Item, dueAt: number): void {
    item.dueAt = dueAt;
    if (this.#unsaid.delete(item.kept.messageId)) this.#said.set(item.kept.messageId, item);
    this.#move(item, "line");
  }

  /** It is to be said once more, as it was. */
  again(item: Item): void {
    if (item.phase === "line") this.#move(item, "again");
  }

  /** It is on disk. */
  isKept(item: Item): void {
    if (item.phase === "keeping") this.#move(item, "waiting");
  }

  /**
   * True if a message that ends so leaves a counter that the receiver never hears and waits for. A receipt may be of the
   * frame under an earlier key: then the present one, if it is on the line, is unproved.
   */
  burns(item: Item, end: "delivered" | "failed"): boolean {
    if (this.mode !== 2 || item.frame === undefined) return false;
    if (end === "failed") return true;
    const { seq } = item.kept;
    if (!item.wasSaid) {
      if (this.unproved !== undefined && seq > this.unproved) this.unproved = undefined;
      return false;
    }
    if (item.phase === "line") this.unproved = Math.max(this.unproved ?? 0, seq);
    return item.phase !== "line";
  }

  /** There is another key: what has no receipt is sealed anew, in its order. */
  unseal(): void {
    this.unproved = undefined;
    if (this.#said.size === 0) return;
    for (const item of this.#said.values()) {
      delete item.frame;
      item.wasSaid = true;
      this.#move(item, "waiting");
    }
    this.#unsaid = new Map([...this.#said, ...this.#unsaid]);
    this.#said = new Map();
  }

  /** It is delivered or given up. */
  remove(item: Item): void {
    this.#move(item, "over");
    this.#said.delete(item.kept.messageId);
    this.#unsaid.delete(item.kept.messageId);
  }

  /** Of a lane without counter: `item` if nothing else is on the line. */
  #only(item: Item): Item | undefined {
    for (const other of this.#said.values()) if (other.phase === "line") return undefined;
    return item;
  }

  #move(item: Item, phase: Phase): void {
    this.#count(item, -1);
    item.phase = phase;
    this.#count(item, 1);
  }

  #count({ phase, kept }: Item, change: 1 | -1): void {
    if (phase === "again") this.#again += change;
    if (phase === "again" || phase === "waiting") this.#wanting[rankOf(kept)] += change;
  }
}

/** Agent Network §4.2: `critical` counts as `HIGH`, other words as `NORMAL`. */
function rankOf({ metadata: { priority } }: Kept): Rank {
  switch ((priority ?? "").toUpperCase()) {
    case "HIGH":
    case "CRITICAL":
      return 0;
    case "LOW":
      return 2;
    default:
      return 1;
  }
}

import type { Clock } from "../../../../src/core/clock.js";
import { MissingCounters, type CounterRange } from "./missing-counters.js";

/** Messages of a conversation that wait for one before them, at most (Agent Network §11.5). */
export const heldMax = 256;
/** So long what is missing is waited for, milliseconds. */
export const gapMs = 60_000;
/** Counters whose `messageId` is remembered: as many as wait at a sender for their receipt at most (Agent Network §12.2). */
export const rememberedMax = 1_024;
/** An identical frame that comes more often than this is no repeat of its sender any more, which tries 8 times (Agent Network §12.2). */
export const repeatsMax = 16;

/** What an order needs of its surroundings. */
export interface OrderPorts<Item> {
  readonly clock: Clock;
  /** A number that stands for a `messageId`: equal for equal ones, and hardly ever otherwise. */
  mark(messageId: string): number;
  /** Whether this message was processed, in whichever conversation. */
  isProcessed(messageId: string): boolean;
  /** Asks for room for so many bytes of a message that is to be held. False: there is none. */
  take(bytes: number): boolean;
  /** Gives it back. */
  give(bytes: number): void;
  /** What was waited for in vain: the gap, and what was held behind it. */
  release(released: Taken<Item>): void;
}

/** A message with its place, and what is to be known of it. */
export interface Handed<Item> {
  readonly item: Item;
  readonly counter: number;
  /** What came after it was handed over before it: its gap was told already. */
  readonly late?: true;
  /** The identical frame was handed over before. */
  readonly repeated?: true;
}

/** What becomes of a message that came. */
export interface Taken<Item> {
  /** In their order; none while something before them is missing. */
  readonly handed: readonly Handed<Item>[];
  /** What is no longer waited for. */
  readonly gaps: readonly CounterRange[];
  /** Why it is not handed over. */
  readonly refused?: "counter-reused" | "replayed";
}

interface Held<Item> {
  readonly item: Item;
  readonly messageId: string;
  readonly bytes: number;
  readonly since: number;
}

const nothing: Taken<never> = { handed: [], gaps: [] };

/** The messages of one direction under one key, in the order of their counter, which begins at 1 (Agent Network §11.5). */
export class InOrder<Item> {
  readonly #ports: OrderPorts<Item>;
  // bound: heldMax, and the bytes that its peer may have held · evicts: when what was missing came or was waited for ·
  // owner: InOrder
  readonly #held = new Map<number, Held<Item>>();
  readonly #missing = new MissingCounters();
  /** Rings of rememberedMax: what was handed over under a counter, and how often it came. */
  readonly #marks: number[] = [];
  readonly #times: number[] = [];
  #next = 1;
  #cancel: (() => void) | undefined;
  #isReplaced = false;

  constructor(ports: OrderPorts<Item>) {
    this.#ports = ports;
  }

  /** Takes a message that was opened. `counter` is a whole number from 1, `bytes` what it costs to hold it. */
  take(counter: number, messageId: string, item: Item, bytes: number): Taken<Item> {
    if (counter < this.#next) return this.#takePast(counter, messageId, item);
    const held = this.#held.get(counter);
    if (held !== undefined) return held.messageId === messageId ? nothing : { ...nothing, refused: "counter-reused" };
    if (counter === this.#next) {
      const handed = [this.#hand(counter, messageId, item), ...this.#run()];
      this.#wait();
      return { handed, gaps: [] };
    }
    return this.#hold(counter, { item, messageId, bytes, since: this.#ports.clock.monotonic() });
  }

  /** Whether a message was handed over here of late, or waits. */
  knows(messageId: string): boolean {
    if (this.#marks.includes(this.#ports.mark(messageId))) return true;
    return [...this.#held.values()].some((held) => held.messageId === messageId);
  }

  /** There is a newer key: what is missing here comes under it if it was not lost, so only {@link end} gives it up. */
  replaced(): void {
    this.#isReplaced = true;
    this.#wait();
  }

  /**
   * Waits no longer: the key is about to be wiped. What is held comes out as late, since there is a newer key, but for
   * what `isKnown` elsewhere: a sender seals anew what has no receipt, so then nothing is missing.
   */
  end(isKnown: (messageId: string) => boolean): Taken<Item> {
    for (const [counter, held] of [...this.#held]) if (isKnown(held.messageId)) this.#drop(counter, held);
    const { handed, gaps } = this.#skipUntil(() => this.#held.size === 0);
    return { handed: handed.map((each) => ({ ...each, late: true })), gaps };
  }

  /** Forgets everything, and waits for nothing. */
  close(): void {
    for (const [counter, held] of [...this.#held]) this.#drop(counter, held);
    this.#wait();
  }

  #takePast(counter: number, messageId: string, item: Item): Taken<Item> {
    if (this.#missing.take(counter)) {
      this.#remember(counter, messageId);
      return { handed: [{ item, counter, late: true }], gaps: [] };
    }
    const place = counter % rememberedMax;
    const isRemembered = counter >= this.#next - rememberedMax;
    const isSame = isRemembered
      ? this.#marks[place] === this.#ports.mark(messageId)
      : this.#ports.isProcessed(messageId);
    if (!isSame) return { ...nothing, refused: "counter-reused" };
    if (isRemembered) {
      const times = (this.#times[place] ?? 1) + 1;
      this.#times[place] = times;
      if (times > repeatsMax) return { ...nothing, refused: "replayed" };
    }
    return { handed: [{ item, counter, repeated: true }], gaps: [] };
  }

  #hold(counter: number, held: Held<Item>): Taken<Item> {
    // What finds no room is held for this call only, and what it waits for is given up at once.
    const hasRoom = this.#ports.take(held.bytes);
    this.#held.set(counter, hasRoom ? held : { ...held, bytes: 0 });
    const taken = this.#skipUntil(() => (hasRoom || !this.#held.has(counter)) && this.#held.size <= heldMax);
    this.#wait();
    return taken;
  }

  /** Gives up what is missing, the first gap first, until `isEnough`. */
  #skipUntil(isEnough: () => boolean): Taken<Item> {
    const handed: Handed<Item>[] = [];
    const gaps: CounterRange[] = [];
    while (this.#held.size > 0 && !isEnough()) {
      const lowest = Math.min(...this.#held.keys());
      if (lowest > this.#next) {
        const gap = { from: this.#next, to: lowest - 1 };
        this.#missing.add(gap);
        gaps.push(gap);
        this.#next = lowest;
      }
      handed.push(...this.#run());
    }
    return { handed, gaps };
  }

  /** What is held and has nothing missing before it. */
  #run(): Handed<Item>[] {
    const handed: Handed<Item>[] = [];
    for (let held = this.#held.get(this.#next); held !== undefined; held = this.#held.get(this.#next)) {
      this.#drop(this.#next, held);
      handed.push(this.#hand(this.#next, held.messageId, held.item));
    }
    return handed;
  }

  #hand(counter: number, messageId: string, item: Item): Handed<Item> {
    this.#next = counter + 1;
    this.#remember(counter, messageId);
    return { item, counter };
  }

  #remember(counter: number, messageId: string): void {
    if (counter < this.#next - rememberedMax) return; // its place is another's already
    this.#marks[counter % rememberedMax] = this.#ports.mark(messageId);
    this.#times[counter % rememberedMax] = 1;
  }

  #drop(counter: number, held: Held<Item>): void {
    this.#held.delete(counter);
    this.#ports.give(held.bytes);
  }

  /** Sets the timer for the message that has waited longest. */
  #wait(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const [first] = this.#held.values();
    if (first === undefined || this.#isReplaced) return;
    const waitMs = Math.max(0, first.since + gapMs - this.#ports.clock.monotonic());
    this.#cancel = this.#ports.clock.after(waitMs, () => {
      this.#cancel = undefined;
      const due = this.#ports.clock.monotonic() - gapMs;
      const released = this.#skipUntil(() => ![...this.#held.values()].some(({ since }) => since <= due));
      this.#wait();
      this.#ports.release(released);
    });
  }
}

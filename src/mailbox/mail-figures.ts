import { Slices, type Clock } from "../core/index.js";
import type { MailStore } from "./mail-store.js";
import type { Mailbox } from "./mailbox.js";

/** All mailboxes in numbers, now. */
export interface MailFigures {
  readonly boxes: number;
  readonly waiting: number;
  readonly leased: number;
  /** Messages that could not be delivered; not those that were delivered again since. */
  readonly dead: number;
  /** Of what waits or is leased. */
  readonly bytes: number;
  /** Bytes of the file. It never shrinks; what is free in it is used again. */
  readonly diskBytes: number;
  /** Writes that were forced onto the disk since the start. */
  readonly syncs: number;
  /** How long the oldest message that is not settled has been waiting, milliseconds, some seconds ago; 0: none waits. */
  readonly oldestMs: number;
  /** Boxes that are nine tenths full. */
  readonly nearlyFull: number;
  /** What should be on the disk cannot be written at present. */
  readonly isFailing: boolean;
}

/** A box is nearly full from this share of its bounds on. */
const nearlyFullShare = 0.9;
/** Boxes that are looked at in one piece of work. */
const boxesAtOnce = 50;
/** Between two looks through all boxes, milliseconds. */
const pauseMs = 1_000;

/** Nearly as many messages, or bytes, as its bounds allow. */
export function isNearlyFull({ box: { counts, settings } }: Mailbox): boolean {
  const share = Math.max((counts.waiting + counts.leased) / settings.max, counts.bytes / settings.maxBytes);
  return share >= nearlyFullShare;
}

/** All boxes in numbers. */
export function figuresOf(
  boxes: Iterable<Mailbox>,
  { diskBytes, syncs }: Pick<MailStore, "diskBytes" | "syncs">,
  {
    now,
    oldestAt,
    isFailing,
  }: { readonly now: number; readonly oldestAt: number | undefined; readonly isFailing: boolean },
): MailFigures {
  const sums = { boxes: 0, waiting: 0, leased: 0, dead: 0, bytes: 0, nearlyFull: 0 };
  for (const mailbox of boxes) {
    const { waiting, leased, dead, bytes } = mailbox.box.counts;
    sums.boxes += 1;
    sums.waiting += waiting;
    sums.leased += leased;
    sums.dead += dead;
    sums.bytes += bytes;
    if (isNearlyFull(mailbox)) sums.nearlyFull += 1;
  }
  return { ...sums, diskBytes, syncs, oldestMs: oldestAt === undefined ? 0 : Math.max(0, now - oldestAt), isFailing };
}

/** Knows since when the oldest message of all boxes waits: it looks through them again and again, a few at a time. */
export class OldestWatch {
  readonly #boxes: () => Iterable<Mailbox>;
  readonly #slices: Slices;
  readonly #clock: Clock;
  #at: number | undefined;
  #cancel: (() => void) | undefined;
  #phase: "looking" | "over" = "looking";
  readonly #failed: (thrown: unknown) => void;
  /** Boxes that cannot be read, of which that was told. */
  // bound: mailboxesMax · evicts: with the box · owner: OldestWatch
  readonly #unreadable = new WeakSet<Mailbox>();

  constructor(clock: Clock, boxes: () => Iterable<Mailbox>, failed: (thrown: unknown) => void) {
    this.#clock = clock;
    this.#boxes = boxes;
    this.#failed = failed;
    this.#slices = new Slices(clock, { failed });
  }

  /** When it came, wall clock, milliseconds; undefined: none waits. */
  get at(): number | undefined {
    return this.#at;
  }

  /** Looks through all of them now, and again a second after each end. */
  start(): void {
    const boxes = this.#boxes()[Symbol.iterator]();
    let oldest: number | undefined;
    let searched: Mailbox | undefined;
    const looked = this.#slices.run(() => {
      if (this.#phase === "over") return undefined;
      for (let left = boxesAtOnce; left > 0; left -= 1) {
        searched ??= next(boxes);
        if (searched === undefined) {
          this.#at = oldest;
          return undefined;
        }
        if (this.#search(searched) === "more") return "more";
        const { oldestAt: at } = searched;
        if (at !== undefined && (oldest === undefined || at < oldest)) oldest = at;
        searched = undefined;
      }
      return "more";
    });
    const again = (): void => {
      if (this.#phase === "over") return;
      this.#cancel = this.#clock.after(pauseMs, () => {
        this.start();
      });
    };
    if (looked === undefined) again();
    else looked.then(again, again);
  }

  stop(): void {
    this.#phase = "over";
    this.#cancel?.();
  }

  /** A box that cannot be read costs only itself, and never the process. */
  #search(mailbox: Mailbox): "more" | undefined {
    try {
      return mailbox.searchOldest();
    } catch (thrown) {
      if (!this.#unreadable.has(mailbox)) this.#failed(thrown);
      this.#unreadable.add(mailbox);
      return undefined;
    }
  }
}

function next<T>(all: Iterator<T>): T | undefined {
  const one = all.next();
  return one.done === true ? undefined : one.value;
}

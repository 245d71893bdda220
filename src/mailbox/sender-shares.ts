import { isIssued } from "../core/index.js";
import type { MailRow } from "./mail-row.js";

/** True if the name of a message's sender has cost nothing: it is only claimed, shared, or proved by a key. */
export function isFree({ sender, trust }: Pick<MailRow, "sender" | "trust">): boolean {
  return !isIssued({ trust, proof: sender });
}

/** What waits of one sender in one box. */
export interface SenderShare {
  readonly sender: string;
  /** Its name has cost nothing. */
  readonly isFree: boolean;
  readonly count: number;
  readonly bytes: number;
  add(bytes: number): void;
  remove(bytes: number): void;
}

class Share implements SenderShare {
  count = 0;
  bytes = 0;
  readonly sender: string;
  readonly isFree: boolean;
  readonly #all: SenderShares;

  constructor({ sender, trust }: Pick<MailRow, "sender" | "trust">, all: SenderShares) {
    this.sender = sender;
    this.isFree = isFree({ sender, trust });
    this.#all = all;
  }

  add(bytes: number): void {
    this.#change(1, bytes);
  }

  remove(bytes: number): void {
    this.#change(-1, -bytes);
  }

  #change(count: number, bytes: number): void {
    this.count += count;
    this.bytes += bytes;
    if (!this.isFree) return;
    this.#all.freeCount += count;
    this.#all.freeBytes += bytes;
  }
}

/** Whose messages wait in one box: no sender fills it alone (protocols §9, bounds). */
export class SenderShares {
  // bound: messages of the box (mailboxMax) · evicts: a sender with its last message that waits · owner: SenderShares
  readonly #bySender = new Map<string, Share>();
  /** What waits of all whose names have cost nothing. */
  freeCount = 0;
  freeBytes = 0;

  /** Senders of whom something waits. */
  get size(): number {
    return this.#bySender.size;
  }

  /** What waits of the sender of a message. */
  of(row: Pick<MailRow, "sender" | "trust">): SenderShare {
    const known = this.#bySender.get(row.sender);
    if (known !== undefined) return known;
    const share = new Share(row, this);
    this.#bySender.set(row.sender, share);
    return share;
  }

  /** What waits of a sender; undefined if nothing does. */
  known(sender: string): SenderShare | undefined {
    return this.#bySender.get(sender);
  }

  /** Forgets a sender of whom nothing waits. */
  tidy({ sender, count }: SenderShare): void {
    if (count === 0) this.#bySender.delete(sender);
  }
}

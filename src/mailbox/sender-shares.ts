/** What waits of one sender in one box. */
export interface SenderShare {
  readonly sender: string;
  /** Its name is not proved. */
  readonly isClaimed: boolean;
  readonly count: number;
  readonly bytes: number;
  add(bytes: number): void;
  remove(bytes: number): void;
}

class Share implements SenderShare {
  count = 0;
  bytes = 0;
  readonly sender: string;
  readonly isClaimed: boolean;
  readonly #all: SenderShares;

  constructor(sender: string, isClaimed: boolean, all: SenderShares) {
    this.sender = sender;
    this.isClaimed = isClaimed;
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
    if (!this.isClaimed) return;
    this.#all.claimedCount += count;
    this.#all.claimedBytes += bytes;
  }
}

/** Whose messages wait in one box: no sender fills it alone (protocols §9, bounds). */
export class SenderShares {
  // bound: messages of the box (mailboxMax) · evicts: a sender with its last message that waits · owner: SenderShares
  readonly #bySender = new Map<string, Share>();
  /** What waits of all whose name is not proved. */
  claimedCount = 0;
  claimedBytes = 0;

  /** Senders of whom something waits. */
  get size(): number {
    return this.#bySender.size;
  }

  of(sender: string, isClaimed: boolean): SenderShare {
    const known = this.#bySender.get(sender);
    if (known !== undefined) return known;
    const share = new Share(sender, isClaimed, this);
    this.#bySender.set(sender, share);
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

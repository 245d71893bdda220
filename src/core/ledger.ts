/** Why a copy of a message did not reach a subscriber. */
export type DropReason = "full" | "closed" | "expired" | "unrenderable";

/** Copies of messages: `copies = written + Σ dropped + pending`, exact at every turn of the event loop. */
export interface CopyLedger {
  copies: number;
  written: number;
  pending: number;
  readonly dropped: Record<DropReason, number>;
}

/** Messages: `accepted = routed + stored + refused + unroutable + malformed`. */
export interface MessageLedger {
  accepted: number;
  routed: number;
  stored: number;
  refused: number;
  unroutable: number;
  malformed: number;
}

/** Both ledgers of the broker. Plain integers, so that counting costs the hot path almost nothing. */
export class Ledger {
  readonly messages: MessageLedger = { accepted: 0, routed: 0, stored: 0, refused: 0, unroutable: 0, malformed: 0 };
  /**
   * Of the accepted messages, those to and from the broker itself: questions to `$broker` and its answers, `$events`,
   * what it tells agents. Tools make most of them.
   */
  ofBroker = 0;
  /** Copies for receivers. */
  readonly copies: CopyLedger = emptyCopies();
  /** Copies for taps and prefix subscriptions, which do not count as receivers. */
  readonly taps: CopyLedger = emptyCopies();
  /** How often something was refused, dropped or cut, by reason. The reasons are fixed words of our own code. */
  readonly reasons: Record<string, number> = Object.create(null) as Record<string, number>;

  /** Counts one reason. `reason` must be a word of our own code, never one that a peer chose. */
  count(reason: string, times = 1): void {
    this.reasons[reason] = (this.reasons[reason] ?? 0) + times;
  }

  /** A message refused, with the reason. The message must have been counted as accepted. */
  refuse(reason: string): void {
    this.messages.refused += 1;
    this.count(reason);
  }

  /** A message that could not be understood, with the reason. It must have been counted as accepted. */
  malformed(reason: string): void {
    this.messages.malformed += 1;
    this.count(reason);
  }

  /** A copy dropped without having been queued. */
  drop(reason: DropReason, times: number, observed: boolean): void {
    const ledger = observed ? this.taps : this.copies;
    ledger.copies += times;
    ledger.dropped[reason] += times;
  }

  /** A copy dropped that was counted as pending. */
  dropPending(reason: DropReason, times: number, observed: boolean): void {
    const ledger = observed ? this.taps : this.copies;
    ledger.dropped[reason] += times;
    ledger.pending -= times;
  }
}

function emptyCopies(): CopyLedger {
  return { copies: 0, written: 0, pending: 0, dropped: { full: 0, closed: 0, expired: 0, unrenderable: 0 } };
}

import type { Clock, FaultNotice, Ledger, Limits, Log, Slices } from "../core/index.js";
import type { Secrets } from "./delivery-id.js";
import type { MailJournal } from "./mail-journal.js";
import type { MailStore } from "./mail-store.js";
import type { Receipts } from "./receipts.js";

/** Bytes that wait in all boxes. */
export class MailTotals {
  bytes = 0;
  /** Bytes of dead ones, which can be read. */
  deadBytes = 0;
  /** Of `bytes`, in boxes whose owner's name is not proved. */
  claimedBytes = 0;
}

/** What all mailboxes share. */
export interface MailContext {
  readonly store: MailStore;
  readonly journal: MailJournal;
  readonly receipts: Receipts;
  readonly totals: MailTotals;
  readonly secrets: Secrets;
  readonly limits: Limits;
  /** All who can claim a name are on this machine. */
  readonly mayClaim: boolean;
  readonly clock: Clock;
  readonly ledger: Ledger;
  /** What may be much at once: boxes that are loaded, handed over, swept and closed. */
  readonly slices: Slices;
  /** Monotonic: leases and pauses that were on the disk began anew then. */
  startedAt: number;
  readonly newId: () => string;
  readonly log: Log;
  /** Tells an agent what became of a request of its. */
  readonly tell: (agent: string, notice: FaultNotice) => void;
}

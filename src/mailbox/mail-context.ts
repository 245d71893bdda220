import type { Clock, FaultNotice, Ledger, Limits, Log } from "../core/index.js";
import type { Secrets } from "./delivery-id.js";
import type { MailJournal } from "./mail-journal.js";
import type { MailStore } from "./mail-store.js";
import type { Receipts } from "./receipts.js";

/** Bytes that wait in all boxes. */
export class MailTotals {
  bytes = 0;
  /** Of them, in boxes whose owner's name is not proved. */
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
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly newId: () => string;
  readonly log: Log;
  /** Tells an agent what became of a request of its. */
  readonly tell: (agent: string, notice: FaultNotice) => void;
}

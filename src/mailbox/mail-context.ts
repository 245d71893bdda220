import { Slices, type Clock, type Exchange, type Fault, type FaultNotice } from "../core/index.js";
import type { Ledger, Limits, Log } from "../core/index.js";
import { Secrets } from "./delivery-id.js";
import type { Entry } from "./entry.js";
import { MailJournal } from "./mail-journal.js";
import type { MailRow } from "./mail-row.js";
import type { MailStore } from "./mail-store.js";
import { Receipts } from "./receipts.js";

/** Bytes that wait in all boxes. */
export class MailTotals {
  bytes = 0;
  /** Bytes of dead ones, which can be read. */
  deadBytes = 0;
  /** Bytes of messages that came while their boxes were read, and wait for that. */
  arrivedBytes = 0;
  /** Of `bytes`, in boxes whose owner's name has cost nothing. */
  freeBytes = 0;
}

/** A box that is being read, while messages may wait for that. */
export interface BeingRead {
  /** Resolves when what this sender has said is taken. */
  taken(from: string): Promise<void>;
  /** Takes what waits now. */
  finish(): void;
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
  /** Boxes that are being read, while messages may wait for that. */
  // bound: mailboxesMax · evicts: when it is read · owner: Mailboxes
  readonly reading: Set<BeingRead>;
  /** Monotonic: leases and pauses that were on the disk began anew then. */
  startedAt: number;
  readonly newId: () => string;
  readonly log: Log;
  /** Tells an agent what became of a request of its. */
  readonly tell: (agent: string, notice: FaultNotice) => void;
}

/** A mailbox that hears what has become of what came into it. */
interface Told {
  committed(): void;
  readonly intake: { failed(entry: Entry, row: MailRow, fault: Fault): void };
}

/** What is given to all mailboxes from outside. */
type Given = Pick<MailContext, "store" | "limits" | "mayClaim" | "clock" | "newId" | "log" | "tell"> & {
  readonly exchange: Exchange;
};

/** Makes what all mailboxes share; `mailbox` finds one by the number of its box. */
export function mailContext(given: Given, mailbox: (id: number) => Told | undefined): MailContext {
  const { store, exchange, limits, mayClaim, clock, newId, log, tell } = given;
  const receipts = new Receipts(exchange, clock);
  const journal = new MailJournal(store, clock, {
    committed: (boxes) => {
      for (const box of boxes) mailbox(box.id)?.committed();
    },
    kept: (arrivals) => {
      for (const { row } of arrivals) receipts.stored(row);
    },
    failed: (arrivals, fault) => {
      log("error", "messages could not be kept in mailboxes", { count: arrivals.length, why: String(fault.cause) });
      for (const { box, entry, row } of arrivals) mailbox(box.id)?.intake.failed(entry, row, fault);
    },
  });
  const slices = new Slices(clock, {
    failed: (thrown) => {
      log("error", "what is due in mailboxes could not be done", { cause: String(thrown) });
    },
  });
  return {
    store,
    journal,
    receipts,
    totals: new MailTotals(),
    secrets: new Secrets(),
    limits,
    mayClaim,
    clock,
    ledger: exchange.ledger,
    slices,
    reading: new Set(),
    startedAt: 0,
    newId,
    log,
    tell,
  };
}

import { isIssued, noticeOf, type FaultCode } from "../core/index.js";
import { isUnanswered, settledMs } from "./asked-requests.js";
import type { Box } from "./box.js";
import type { Entry } from "./entry.js";
import type { MailContext } from "./mail-context.js";
import type { MailJournal } from "./mail-journal.js";
import { moved, type MailRow, type MailState } from "./mail-row.js";
import { isFree } from "./sender-shares.js";

/** What a message can come to. */
export type Settled = Exclude<MailState, "waiting" | "leased">;

/** Settled rows of one box that are kept: so many repeats of messages are recognised. */
const rowsMax = 4_000;

/** The code by which a request that was never answered is refused to its asker. */
const codes: Partial<Record<Settled, FaultCode>> = { expired: "timeout", dead: "unavailable", refused: "forbidden" };

/** Brings the messages of one box to their end, on disk and in its counts, and tells their senders. */
export class Settling {
  readonly #box: Box;
  readonly #context: MailContext;

  constructor(box: Box, context: MailContext) {
    this.#box = box;
    this.#context = context;
  }

  /**
   * A message that waits, or is leased, comes to its end. The sender is told when that is on the disk.
   * @returns the row as it is now; undefined if it is settled already
   */
  settle(
    entry: Entry,
    state: Settled,
    reason?: string,
    before = this.#context.store.row(this.#box.id, entry.seq),
  ): MailRow | undefined {
    if (entry.state === "settled") return undefined;
    if (before === undefined) {
      this.vanished(entry);
      return undefined;
    }
    const row = this.#ended({ ...before, attempts: entry.attempts }, state, reason);
    this.#box.settle(entry, row, this.#context.clock.now());
    this.#write(row, before);
    this.#bury();
    this.#trim();
    return row;
  }

  /** What the disk does not know any more is nobody's to take. */
  vanished(entry: Entry): void {
    this.#context.log("error", "a message of a mailbox is not on the disk", { agent: this.#box.name, seq: entry.seq });
    this.#box.vanish(entry);
    this.#context.journal.touched(this.#box);
  }

  /** A request that was handed over before is answered, or given up. */
  resettle(before: MailRow, state: Settled, reason?: string): void {
    // While the disk fails, its row tells what was.
    if (!this.#box.asked.isHandedOver(before)) return;
    const row = this.#ended(before, state, reason);
    this.#box.resettle(before, row, this.#context.clock.now());
    this.#write(row, before, true);
  }

  /**
   * The row of a message whose time is over.
   * @returns false if nothing can be done now
   */
  due(row: MailRow): boolean {
    const box = this.#box;
    if (row.state === "waiting" || row.state === "leased") {
      const entry = box.entry(row.seq);
      if (entry === undefined || row.seq > box.committedSeq) return false;
      this.settle(entry, "expired");
    } else if (isUnanswered(row)) this.resettle(row, "expired", "unanswered");
    else this.#forget(row);
    return true;
  }

  /** As many requests are followed that were handed over as can wait: the oldest of more is followed no longer. */
  giveUpOldest(): void {
    const { asked, settings } = this.#box;
    while (asked.handedOver > settings.max && this.giveUpOne("unanswered"));
  }

  /** One request that was handed over will not be answered. @returns false if there is none */
  giveUpOne(reason: string): boolean {
    const { asked, id } = this.#box;
    const seq = asked.oldestHandedOver();
    if (seq === undefined) return false;
    const row = this.#context.store.row(id, seq);
    if (row?.state === "done") this.resettle(row, "expired", reason);
    else asked.vanish(seq);
    return true;
  }

  #ended(row: MailRow, state: Settled, reason: string | undefined): MailRow {
    const now = this.#context.clock.now();
    const { attempts } = row;
    const settled = moved(row, { state, attempts, ...(reason !== undefined && { reason }) });
    if (isUnanswered(settled)) return { ...settled, goesAt: row.until };
    if (state !== "dead") return { ...settled, goesAt: now + settledMs };
    // Dead ones together take a quarter of the room of all boxes, an eighth where a name has cost nothing: of more,
    // nothing is left to be read.
    const { totals, limits } = this.#context;
    const part = isFree(row) || !isIssued(this.#box.settings) ? 8 : 4;
    const isRead = totals.deadBytes + row.bytes <= limits.mailTotalMaxBytes / part;
    return { ...settled, goesAt: now + this.#box.settings.keepMs, ...(!isRead && { bytes: 0 }) };
  }

  #write(row: MailRow, before: MailRow, isHandedOver = false): void {
    const { journal, receipts } = this.#context;
    const isRead = row.state === "dead" && row.bytes > 0; // it can be read and delivered again
    journal.changed(this.#box, isRead ? { put: row, before } : { settle: row, before });
    if (row.receipt !== 0) void this.#told(row, journal, receipts);
    this.#tellAsker(row, isHandedOver);
  }

  /** What is settled while the disk is full stays settled: it is told when the journal has written it at last. */
  async #told(row: MailRow, journal: MailJournal, receipts: MailContext["receipts"]): Promise<void> {
    for (;;) {
      try {
        await (
          await journal.written()
        ).kept;
        receipts.settled(row);
        return;
      } catch {
        if (!journal.isFailing) return; // it is not tried again: the journal says why
      }
    }
  }

  /** Who waits for an answer that will not come is told, whether it asked for receipts or not. */
  #tellAsker({ type, from, messageId, state, reason }: MailRow, isHandedOver: boolean): void {
    const code = state === "waiting" || state === "leased" ? undefined : codes[state];
    if (type !== "request" || code === undefined || isHandedOver) return;
    const { name } = this.#box;
    const why = reason === undefined ? "" : `: ${reason}`;
    const message =
      state === "expired"
        ? `the request expired in the mailbox of ${name}, which did not come for it`
        : `the request to ${name} is ${state}${why}`;
    this.#context.tell(from, noticeOf({ code, message }, { message_id: messageId, to: name }));
  }

  #forget({ seq }: Pick<MailRow, "seq">, before?: MailRow): void {
    const box = this.#box;
    box.rows -= 1;
    box.forgetDead(seq);
    this.#context.journal.changed(box, { forget: { box: box.id, seq }, ...(before && { before }) });
  }

  /** Dead ones have as much room as those that wait: the oldest of more can be read no longer. */
  #bury(): void {
    for (let seq = this.#box.overdead; seq !== undefined; seq = this.#box.overdead) this.#forget({ seq });
  }

  /** Of settled rows only so many stay; the oldest go. */
  #trim(): void {
    const box = this.#box;
    if (box.settledRows <= rowsMax + rowsMax / 16) return;
    let isFirst = true;
    for (const row of this.#context.store.rows(box.id, box.floor)) {
      if (box.settledRows <= rowsMax) break;
      const isGone = row.goesAt !== undefined && row.state !== "dead" && !isUnanswered(row);
      if (isGone) this.#forget(row, row);
      if (isFirst && isGone) box.floor = row.seq;
      else isFirst = false;
    }
  }
}

import type { BoxRow } from "./mail-row.js";
import type { Mailbox } from "./mailbox.js";

/** What is known of a box. */
export interface BoxStatus extends Omit<BoxRow, "proof" | "nextSeq"> {
  /** Its owner is connected. */
  readonly isHere: boolean;
  /** What it takes cannot be proved to have been read (ZMTP 3.0). */
  readonly isUnproved: boolean;
  /** When the oldest message that is not settled came, some seconds ago; absent: none waits. */
  readonly oldestAt?: number;
  readonly epoch: string;
}

/** What is known of a box now; `epoch` of the store. */
export function statusOf({ box, isHere, isUnproved, oldestAt }: Mailbox, epoch: string): BoxStatus {
  const { id, name, mode, trust, rooms, keepMs, max, maxBytes, openedAt, awaySince, counts } = box.row;
  const row = { id, name, mode, trust, rooms, keepMs, max, maxBytes, openedAt, counts };
  const times = { ...(awaySince !== undefined && { awaySince }), ...(oldestAt !== undefined && { oldestAt }) };
  return { ...row, ...times, isHere, isUnproved, epoch };
}

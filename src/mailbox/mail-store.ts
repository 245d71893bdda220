import type { BoxRow, MailRow } from "./mail-row.js";

/**
 * One change of an atomic group. `before`: the row as the store gave it last, for whoever has it: it is not read again
 * then; null where there was none. Nobody changes a row, a box or the bytes of a body once it is written.
 */
export type MailChange =
  | { readonly put: MailRow; readonly body?: Uint8Array; readonly before?: MailRow | null }
  /** It waits, or is leased, otherwise than before: of a row that is there, nothing but that has changed. */
  | { readonly move: MailRow }
  /** The row stays, its body goes. */
  | { readonly settle: MailRow; readonly before?: MailRow | null }
  | { readonly forget: { readonly box: number; readonly seq: number }; readonly before?: MailRow | null }
  | { readonly box: BoxRow }
  /** The box with all its rows and bodies. */
  | { readonly close: number };

/**
 * When a group of changes is safe. Both are rejected with a Fault unavailable if it could not be kept: then none is, nor
 * is what was written after it and before that, which may build upon it. Nobody need take the promises.
 */
export interface Written {
  /** A killed process cannot lose it any more. */
  readonly committed: Promise<void>;
  /** It is on the disk (fsync). Never before `committed`. */
  readonly kept: Promise<void>;
}

/** So many rows, of one box or of all. */
export interface SaidLast {
  readonly box?: number;
  readonly max: number;
}

/**
 * The disk of all mailboxes: rows, bodies, and the orders in which they are looked for. What is written is found at
 * once, before it is committed. Everything that is written in one turn of the loop, or while a group is on its way,
 * makes one group: one commit, one fsync.
 */
export interface MailStore {
  /** Changes on restore and salvage only. */
  readonly epoch: string;
  /** @throws Fault unavailable, naming the folder and the remedy */
  open(): void;
  /** Resolves when everything written is on disk. */
  close(): Promise<void>;
  /** All boxes, in no order. Their counts are exact: each was written with what it counts. */
  boxes(): Iterable<BoxRow>;
  /**
   * The rows of a box from `seq` on, in order of arrival. They may be written to meanwhile: each is given as it is when
   * its turn comes.
   */
  rows(box: number, seq: number): Iterable<MailRow>;
  row(box: number, seq: number): MailRow | undefined;
  /** The bytes that came; undefined once it is settled. */
  body(box: number, seq: number): Uint8Array | undefined;
  /** The rows of this sender with this id, in all boxes or in one; `last`: the last ones, about so many. */
  said(sender: string, messageId: string, last?: SaidLast): Iterable<MailRow>;
  /**
   * Rows whose time is over: `until` of those that wait or are leased, `goesAt` of those that are settled. In order of
   * that time, at most `max`.
   */
  due(now: number, max: number): readonly MailRow[];
  /** Writes all changes or none. */
  write(changes: readonly MailChange[]): Written;
  /** Bytes on disk, and how often was it synced since the start. */
  readonly diskBytes: number;
  readonly syncs: number;
}

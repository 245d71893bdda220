import type { MailRow } from "./mail-row.js";

/**
 * When a row's time is over, wall clock, milliseconds: what waits or is leased is delivered until then, of what is
 * settled the row itself goes then; undefined if it stays.
 */
export function dueAt(row: MailRow): number | undefined {
  return row.state === "waiting" || row.state === "leased" ? row.until : row.goesAt;
}

/** A row that is due, and when it was. */
export interface Due {
  readonly at: number;
  readonly row: MailRow;
}

/** In order of their time; what is due at the same time, in order of boxes and of arrival. */
export function byTime(one: Due, other: Due): number {
  return one.at - other.at || one.row.box - other.row.box || one.row.seq - other.row.seq;
}

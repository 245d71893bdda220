import type { Standing, Trust } from "../core/index.js";

/** How much of a room is remembered, at most: the oldest go first. */
export interface LogBounds {
  /** How long, milliseconds of wall time. */
  readonly keepMs: number;
  /** How many messages. */
  readonly max: number;
  /** Their bytes, with {@link messageRowBytes} for each. */
  readonly maxBytes: number;
}

/** Whom a log counts for. */
export interface LogOwner {
  /** By which it is known again: its proof, or else its name. */
  readonly key: string;
  readonly standing: Standing;
  readonly network: string;
}

/** The log of one room. It is written in the same change as the messages that it counts. */
export interface LogRow {
  /** By which its messages are found. */
  readonly id: string;
  /** Which log of that room it is: places in different epochs cannot be compared. */
  readonly epoch: string;
  readonly inviteOnly: boolean;
  /** Absent if it is the operator's or the configuration's. */
  readonly owner?: LogOwner;
  readonly bounds: LogBounds;
  /** The place of the oldest message that is remembered; that of the next one if there is none. From 1. */
  readonly first: number;
  /** The place of the next message. */
  readonly next: number;
  /** Of all messages from `first` on. */
  readonly bytes: number;
}

/** One message as it came. */
export interface LogMessageRow {
  readonly body: Uint8Array;
  /** Wall clock, milliseconds. */
  readonly receivedAt: number;
  readonly trust: Trust;
}

/** Up to where all messages were handed over to one name, and when that was noted: wall clock, milliseconds. */
export interface LogCursorRow {
  readonly seq: number;
  readonly at: number;
  /** The operator issued nothing that proves the name. */
  readonly free?: true;
}

/** A log that has ended: its messages have yet to go. */
export interface EndedLogRow {
  readonly first: number;
  readonly next: number;
}

/** A row of the table of logs, by {@link logKey}, {@link messageKey}, {@link cursorKey} or {@link endedKey}. */
export type LogTableRow = LogRow | LogMessageRow | LogCursorRow | EndedLogRow;

/** In the place of an epoch: the log is of a copy, and gets an epoch of its own when it is opened. */
export const epochOfCopy = "of a copy";

/** True for the row of a room's log. */
export function isLogRow(row: LogTableRow): row is LogRow {
  return "bounds" in row;
}

/** What a message takes of the bounds beside its body. */
export const messageRowBytes = 200;

/** The row of a room's log. */
export function logKey(room: string): string {
  return `log ${room}`;
}

/** The row of a message: in order of places. */
export function messageKey(id: string, seq: number): string {
  return `message ${id} ${String(seq).padStart(16, "0")}`;
}

/** The row of a name's cursor. */
export function cursorKey(id: string, name: string): string {
  return `cursor ${id} ${name}`;
}

/** The row of a log that has ended. */
export function endedKey(id: string): string {
  return `ended ${id}`;
}

/** The bytes that a message takes of the bounds. */
export function bytesOfRow({ body }: LogMessageRow): number {
  return body.length + messageRowBytes;
}

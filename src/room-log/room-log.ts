import type { TableChange } from "../storage/table.js";
import {
  bytesOfRow,
  logKey,
  messageKey,
  type LogBounds,
  type LogMessageRow,
  type LogRow,
  type LogTableRow,
} from "./log-row.js";

/** Messages that one change forgets at most, beside as many as it adds: each costs a look at the disk. */
const forgottenAtOnce = 256;

/** A change of one log, before it is on disk. */
export interface LogPlan {
  readonly row: LogRow;
  readonly changes: readonly TableChange<LogTableRow>[];
}

/** Finds a message by its place. */
export type MessageReader = (seq: number) => LogMessageRow | undefined;

/**
 * The log of one room: its messages from the oldest that is remembered to the newest. It plans its changes and takes
 * them over once they are on disk.
 */
export class RoomLog {
  readonly room: string;
  /** As it is on disk. */
  row: LogRow;
  /** The place of the newest message that was sent: replay ends where live begins. */
  released: number;
  /** `ending`: its end is on its way to the disk. */
  phase: "open" | "ending" | "ended" = "open";
  /** A message of it could not be read, which was said. */
  isDamaged = false;

  constructor(room: string, row: LogRow) {
    this.room = room;
    this.row = row;
    this.released = row.next - 1;
  }

  get epoch(): string {
    return this.row.epoch;
  }

  /** Adds messages behind the newest, and forgets what is too much or too old then. */
  add(messages: readonly LogMessageRow[], now: number, read: MessageReader): LogPlan {
    const { first, next, bytes } = this.row;
    const added = messages.map((message, index) => ({ put: messageKey(this.row.id, next + index), value: message }));
    const grown = {
      ...this.row,
      next: next + messages.length,
      bytes: messages.reduce((sum, message) => sum + bytesOfRow(message), bytes),
    };
    return this.#forgetting(grown, added, now, (seq) => (seq < next ? read(seq) : messages[seq - next]), first);
  }

  /** Forgets what is too much or too old; undefined if nothing is. */
  sweep(now: number, read: MessageReader): LogPlan | undefined {
    const plan = this.#forgetting(this.row, [], now, read, this.row.first);
    return plan.row.first === this.row.first ? undefined : plan;
  }

  /** Other bounds from now on. What is too much goes with the next changes. */
  rebound(bounds: LogBounds): LogPlan {
    const row = { ...this.row, bounds };
    return { row, changes: [{ put: logKey(this.room), value: row }] };
  }

  #forgetting(
    grown: LogRow,
    added: readonly TableChange<LogTableRow>[],
    now: number,
    read: MessageReader,
    from: number,
  ): LogPlan {
    const { bounds, next } = grown;
    let { first, bytes } = grown;
    const forgotten: TableChange<LogTableRow>[] = [];
    while (first < next && first < from + added.length + forgottenAtOnce) {
      const oldest = read(first);
      const isTooMuch = next - first > bounds.max || bytes > bounds.maxBytes;
      if (oldest !== undefined && !isTooMuch && !isOver(oldest, bounds, now)) break;
      bytes -= oldest === undefined ? 0 : bytesOfRow(oldest);
      forgotten.push({ delete: messageKey(this.row.id, first) });
      first += 1;
    }
    const row = { ...grown, first, bytes: first === next ? 0 : bytes };
    return { row, changes: [...added, ...forgotten, { put: logKey(this.room), value: row }] };
  }
}

/** True if the message is older than the room remembers. */
export function isOver({ receivedAt }: Pick<LogMessageRow, "receivedAt">, { keepMs }: LogBounds, now: number): boolean {
  return receivedAt + keepMs <= now;
}

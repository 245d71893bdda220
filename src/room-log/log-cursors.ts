import type { Clock, Limits } from "../core/index.js";
import type { Table, TableChange } from "../storage/table.js";
import type { Cursors } from "./handed-over.js";
import type { LogChange } from "./log-queue.js";
import { cursorKey, type LogCursorRow, type LogTableRow } from "./log-row.js";
import type { RoomLog } from "./room-log.js";

/** A cursor that is on its way to the disk. */
interface Noted {
  readonly log: RoomLog;
  readonly name: string;
  readonly seq: number;
  readonly isFree: boolean;
}

/** What the cursors use. */
export interface LogCursorsOptions {
  readonly table: Table<LogTableRow>;
  readonly clock: Pick<Clock, "now">;
  readonly limits: Pick<Limits, "roomCursorsMax">;
  /** Puts on disk what is made in its turn. Never throws. */
  readonly write: (make: () => LogChange) => void;
}

/**
 * Up to where everything of a room was handed over to each name, on disk. What was noted last may be lost with a killed
 * process: then it is told again.
 */
export class LogCursors implements Cursors {
  /** By key. */
  // bound: names that were handed something since the last write, connections that hear durable rooms · evicts: all when
  // they are written · owner: LogCursors
  readonly #noted = new Map<string, Noted>();
  /** How many a log has on disk, once that was counted. */
  // bound: logs (roomLogsMax) · evicts: with its log · owner: LogCursors
  readonly #counts = new WeakMap<RoomLog, number>();
  #isWriting = false;
  readonly #options: LogCursorsOptions;

  constructor(options: LogCursorsOptions) {
    this.#options = options;
  }

  seqOf(log: RoomLog, name: string): number {
    const key = cursorKey(log.row.id, name);
    return this.#noted.get(key)?.seq ?? asCursor(this.#options.table.get(key))?.seq ?? 0;
  }

  note(log: RoomLog, name: string, seq: number, isFree: boolean): void {
    this.#noted.set(cursorKey(log.row.id, name), { log, name, seq, isFree });
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#options.write(() => ({ changes: this.#changes() }));
  }

  /** What is to be written now. */
  #changes(): readonly TableChange<LogTableRow>[] {
    this.#isWriting = false;
    const at = this.#options.clock.now();
    const noted = [...this.#noted];
    this.#noted.clear();
    return noted.flatMap(([key, { log, seq, isFree }]) => {
      const room = log.phase === "open" ? this.#roomFor(log, key, isFree) : undefined;
      return room === undefined ? [] : [...room, { put: key, value: { seq, at, ...(isFree && { free: true }) } }];
    });
  }

  /**
   * Forgets the tenth that was noted longest ago where a log has as many as it may, of names that have cost nothing as
   * long as there are any. Undefined: there is no room, as such a name displaces no other.
   */
  #roomFor(log: RoomLog, key: string, isFree: boolean): readonly TableChange<LogTableRow>[] | undefined {
    const { limits, table } = this.#options;
    if (table.get(key) !== undefined) return [];
    const count = this.#counts.get(log) ?? this.#all(log).length;
    this.#counts.set(log, count + 1);
    if (count < limits.roomCursorsMax) return [];
    const all = this.#all(log).sort(([, one], [, other]) => one.at - other.at);
    const free = all.filter(([, one]) => one.free === true);
    const oldest = free.length > 0 || isFree ? free : all;
    if (oldest.length === 0) {
      this.#counts.set(log, count);
      return undefined;
    }
    const gone = oldest.slice(0, Math.max(1, count - Math.floor(limits.roomCursorsMax * 0.9)));
    this.#counts.set(log, count + 1 - gone.length);
    return gone.map(([one]) => ({ delete: one }));
  }

  #all({ row: { id } }: RoomLog): [string, LogCursorRow][] {
    const rows = [...this.#options.table.range(cursorKey(id, ""), cursorKey(id, "\uffff"))];
    return rows.flatMap(([key, value]) => {
      const cursor = asCursor(value);
      return cursor === undefined ? [] : [[key, cursor]];
    });
  }
}

function asCursor(value: LogTableRow | undefined): LogCursorRow | undefined {
  return value !== undefined && "at" in value ? value : undefined;
}

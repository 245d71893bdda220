import type { Clock } from "../core/index.js";
import type { Table } from "../storage/table.js";
import type { LogChange } from "./log-queue.js";
import { cursorKey, endedKey, messageKey, type EndedLogRow, type LogTableRow } from "./log-row.js";
import type { LogReader } from "./log-reader.js";
import type { LogWriter } from "./log-writer.js";
import type { LogPlan, RoomLog } from "./room-log.js";

/** How often it is looked for what is too old, milliseconds. */
const sweepMs = 60_000;
/** Messages of an ended log that go with one change. */
const goneAtOnce = 256;

/** What the sweep uses. */
export interface LogSweepOptions {
  readonly table: Table<LogTableRow>;
  readonly reader: Pick<LogReader, "row">;
  readonly writer: Pick<LogWriter, "write">;
  readonly clock: Pick<Clock, "after" | "now">;
  readonly logs: () => Iterable<RoomLog>;
  readonly apply: (log: RoomLog, plan: LogPlan) => void;
}

/** Removes what is too old or too much, and what is left of logs that have ended: a little with each change. */
export class LogSweep {
  readonly #options: LogSweepOptions;
  #cancel: (() => void) | undefined;
  #phase: "running" | "stopped" = "running";

  constructor(options: LogSweepOptions) {
    this.#options = options;
  }

  /** Sweeps now and from time to time, until `stop`. */
  start(): void {
    const { table } = this.#options;
    for (const [key, row] of table.range(endedKey(""), endedKey("\uffff")))
      if ("first" in row && "next" in row) this.clear(key.slice(endedKey("").length), row);
    this.#round();
  }

  stop(): void {
    this.#phase = "stopped";
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Removes the messages and cursors of a log that has ended. */
  clear(id: string, { first, next }: EndedLogRow): void {
    const to = Math.min(first + goneAtOnce, next);
    this.#write(() => {
      const gone = Array.from({ length: to - first }, (_, index) => ({ delete: messageKey(id, first + index) }));
      if (to < next) {
        const kept = (): void => {
          if (this.#phase === "running") this.clear(id, { first: to, next });
        };
        return { changes: [...gone, { put: endedKey(id), value: { first: to, next } }], kept };
      }
      const cursors = [...this.#options.table.range(cursorKey(id, ""), cursorKey(id, "\uffff"))];
      return { changes: [...gone, ...cursors.map(([key]) => ({ delete: key })), { delete: endedKey(id) }] };
    });
  }

  /** Removes what a log has too much now. */
  log(log: RoomLog): void {
    const { apply, clock, reader } = this.#options;
    this.#write(() => {
      const plan = log.phase === "open" ? log.sweep(clock.now(), (seq) => reader.row(log, seq)) : undefined;
      if (plan === undefined) return { changes: [] };
      const kept = (): void => {
        apply(log, plan);
        if (this.#phase === "running") this.log(log);
      };
      return { changes: plan.changes, kept };
    });
  }

  #round(): void {
    for (const log of this.#options.logs()) this.log(log);
    this.#cancel = this.#options.clock.after(sweepMs, () => {
      this.#round();
    });
  }

  #write(make: () => LogChange): void {
    // The owner of the table reports a failed write; the next round, or the next start, tries again.
    this.#options.writer.write(make).catch(() => undefined);
  }
}

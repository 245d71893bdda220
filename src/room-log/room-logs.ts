import { randomBytes } from "node:crypto";
import { Fault, type Clock, type Exchange, type Limits, type Message, type Subscriber } from "../core/index.js";
import type { Table } from "../storage/table.js";
import { HandedOver } from "./handed-over.js";
import { LogCursors } from "./log-cursors.js";
import { figuresOfLogs, type LogFigures } from "./log-figures.js";
import { LogReader } from "./log-reader.js";
import {
  bytesOfRow,
  endedKey,
  epochOfCopy,
  isLogRow,
  logKey,
  type LogBounds,
  type LogOwner,
  type LogRow,
  type LogTableRow,
} from "./log-row.js";
import { LogShares, type LogLimits } from "./log-shares.js";
import { LogSweep } from "./log-sweep.js";
import { cannotKeep, LogWriter } from "./log-writer.js";
import { RoomLog, type LogPlan } from "./room-log.js";

/** How a room is to be remembered. */
export interface NewLog {
  readonly inviteOnly: boolean;
  /** Whom it counts for; undefined: the operator or the configuration. */
  readonly owner: LogOwner | undefined;
  readonly bounds: LogBounds;
}

/** What the logs use. */
export interface RoomLogsOptions {
  readonly exchange: Exchange;
  readonly clock: Clock;
  readonly limits: LogLimits & Pick<Limits, "roomCursorsMax">;
  /** Is told of what went wrong when a message that is kept was given to those in the room. */
  readonly failed?: ((thrown: unknown) => void) | undefined;
}

/** The rooms that remember (protocols §10.1): which there are, what they take, and who has been handed what of them. */
export class RoomLogs {
  // bound: roomLogsMax; the configuration's and those found on disk come on top · evicts: a log when it is ended; one
  // more is refused as full · owner: RoomLogs
  readonly #logs = new Map<string, RoomLog>();
  readonly #shares: LogShares;
  readonly #handed: HandedOver;
  readonly #cursors: LogCursors;
  readonly #sweep: LogSweep;
  readonly #writer: LogWriter;
  readonly #table: Table<LogTableRow>;
  readonly #maxBytes: number;
  /** Reads what was sent. */
  readonly reader: LogReader;
  #phase: "open" | "closed" = "open";

  constructor(table: Table<LogTableRow>, options: RoomLogsOptions) {
    const { clock, exchange, failed, limits } = options;
    this.#table = table;
    this.#maxBytes = limits.roomLogsTotalMaxBytes;
    this.#shares = new LogShares(limits);
    const reader = (this.reader = new LogReader(table, clock, (thrown) => failed?.(thrown)));
    const apply = (log: RoomLog, plan: LogPlan): void => {
      this.#apply(log, plan);
    };
    const writer = (this.#writer = new LogWriter({
      table,
      reader,
      clock,
      exchange,
      apply,
      heard: (...heard) => {
        this.#handed.heard(...heard);
      },
      failed,
    }));
    this.#cursors = new LogCursors({
      table,
      clock,
      limits,
      write: (make) => {
        // The owner of the table reports a failed write; what was to be noted is then told again after a restart.
        writer.write(make).catch(() => undefined);
      },
    });
    this.#handed = new HandedOver(clock, this.#cursors, failed);
    this.#sweep = new LogSweep({ table, reader, writer, clock, logs: () => this.#logs.values(), apply });
  }

  /** The logs that are on disk. @throws Fault unavailable */
  load(): readonly RoomLog[] {
    for (const [key, value] of this.#table.range(logKey(""), logKey("\uffff"))) {
      if (!isLogRow(value)) continue;
      const room = key.slice(logKey("").length);
      const log = new RoomLog(room, value.epoch === epochOfCopy ? { ...value, epoch: newEpoch() } : value);
      this.#logs.set(room, log);
      this.#shares.add(value);
      if (log.row !== value) this.#leaveOriginal(log);
    }
    this.#sweep.start();
    return [...this.#logs.values()];
  }

  /** The log of a copy goes its own way. Until that is written, each start gives it another epoch: cursors say `gap`. */
  #leaveOriginal(log: RoomLog): void {
    this.#writer.write(() => ({ changes: [{ put: logKey(log.room), value: log.row }] })).catch(() => undefined); // the owner of the table reports it; the next message writes the row, too
  }

  /** All of them in numbers. */
  figures(): LogFigures {
    const { syncs, failures } = this.#writer;
    return { ...figuresOfLogs(this.#logs.values()), bytes: this.bytes, maxBytes: this.#maxBytes, syncs, failures };
  }

  /** Bytes of all logs, as they count. */
  get bytes(): number {
    return this.#shares.bytes;
  }

  /** @throws Fault full: whom it counts for may have no further log */
  mayBegin(owner: LogOwner | undefined): void {
    if (owner !== undefined) this.#shares.mayAdd({ owner });
  }

  /**
   * Begins to remember a room. `kept` resolves when that is on disk; if it rejects, nothing is remembered.
   * @throws Fault full
   */
  begin(room: string, { inviteOnly, owner, bounds }: NewLog): { readonly log: RoomLog; readonly kept: Promise<void> } {
    this.mayBegin(owner);
    const id = newEpoch();
    const places = { first: 1, next: 1, bytes: 0 };
    const row: LogRow = { id, epoch: id, inviteOnly, ...(owner !== undefined && { owner }), bounds, ...places };
    const log = new RoomLog(room, row);
    this.#logs.set(room, log);
    this.#shares.add(row);
    const kept = this.#writer.write(
      () => ({ changes: [{ put: logKey(room), value: row }] }),
      () => {
        this.#forget(log);
      },
    );
    return { log, kept };
  }

  /** Remembers more or less of a room from now on. @throws Fault unavailable, as a rejection */
  async rebound(log: RoomLog, bounds: LogBounds): Promise<void> {
    await this.#writer.write(() => {
      if (log.phase !== "open") throw cannotKeep(log); // it could not be begun, or has ended meanwhile
      const plan = log.rebound(bounds);
      const kept = (): void => {
        this.#apply(log, plan);
      };
      return { changes: plan.changes, kept };
    });
    this.#sweep.log(log);
  }

  /**
   * A room is no longer remembered: what was said there is gone. `ended` is called before anything else is said there.
   * @throws Fault unavailable, as a rejection
   */
  end(log: RoomLog, ended?: () => void): Promise<void> {
    if (log.phase !== "open") return Promise.reject(cannotKeep(log));
    log.phase = "ending";
    return this.#writer.write(
      () => {
        if (log.phase === "ended") throw cannotKeep(log); // it could not be begun
        const { id, first, next } = log.row;
        const kept = (): void => {
          this.#forget(log);
          this.#sweep.clear(id, log.row);
          ended?.();
        };
        return { changes: [{ delete: logKey(log.room) }, { put: endedKey(id), value: { first, next } }], kept };
      },
      () => {
        if (log.phase === "ending") log.phase = "open";
      },
    );
  }

  /**
   * Takes a message of the room: it is heard there once it is on disk.
   * @throws Fault full, unavailable
   */
  keep(log: RoomLog, message: Message): "held" {
    if (log.phase !== "open" || this.#phase === "closed") throw cannotKeep(log);
    const { receivedAt, trust } = message;
    const isAnswer = message.envelope?.type === "response"; // what it answers may be known to the message alone
    // Bytes of their own: a copy of the row takes all that they lie in.
    const row = { body: new Uint8Array(isAnswer ? message.stampedPayload : message.payload), receivedAt, trust };
    const { bounds, bytes } = log.row;
    const size = bytesOfRow(row);
    if (size > bounds.maxBytes)
      throw new Fault(
        "full",
        `${log.room} remembers ${String(bounds.maxBytes)} bytes, and this message counts as ${String(size)}; say less`,
      );
    const grown = Math.min(size, bounds.maxBytes - bytes); // beyond it the oldest make room
    if (grown > 0) this.#shares.mayGrow(log.row, grown, this.#writer.waitingBytes);
    this.#writer.add({ log, message: message.keep(), row });
    return "held";
  }

  /** Up to where everything of the room was handed over to this name; 0 if nothing was. */
  handedTo(log: RoomLog, name: string): number {
    return this.#cursors.seqOf(log, name);
  }

  /** A subscriber was given what the room remembers behind `after` up to `to`. */
  given(log: RoomLog, subscriber: Subscriber, after: number, to: number): void {
    this.#handed.given(log, subscriber, after, to);
  }

  /** Takes nothing more. Resolves when what was taken is on disk. */
  async close(): Promise<void> {
    this.#phase = "closed";
    this.#handed.close();
    this.#sweep.stop();
    await this.#writer.idle();
  }

  #forget(log: RoomLog): void {
    log.phase = "ended";
    if (this.#logs.get(log.room) === log) this.#logs.delete(log.room);
    this.#shares.delete(log.row);
  }

  #apply(log: RoomLog, { row }: LogPlan): void {
    this.#shares.changed(log.row, row);
    log.row = row;
  }
}

function newEpoch(): string {
  return randomBytes(8).toString("hex");
}

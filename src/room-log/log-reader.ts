import { Message, type Clock } from "../core/index.js";
import type { Table } from "../storage/table.js";
import { bytesOfRow, messageKey, type LogMessageRow, type LogTableRow } from "./log-row.js";
import { isOver, type RoomLog } from "./room-log.js";

/** What was said in a room, and is remembered. */
export interface LogPast {
  /** Bytes that it came in. */
  readonly bytes: number;
  /** It as a replay; undefined if it cannot be read. */
  message(): Message | undefined;
}

/** Some of what was said behind a place, oldest first. */
export interface LogPage {
  readonly past: readonly LogPast[];
  /** The place behind which the next page begins. */
  readonly next: number;
  /** Something between the place that was asked for and `next` is not remembered. */
  readonly gap: boolean;
  /** More was said behind `next`. */
  readonly more: boolean;
}

/** How much one page holds: so many messages, of so many bytes, but always one. */
export interface PageSize {
  readonly max: number;
  readonly maxBytes: number;
}

/** Of what is read again soon, so many bytes stay in memory: 4 MiB. */
const shelfMaxBytes = 4 * 1024 * 1024;

/** Reads what was sent in durable rooms, never what is still on its way to the disk. */
export class LogReader {
  readonly #table: Table<LogTableRow>;
  readonly #clock: Pick<Clock, "now">;
  // bound: shelfMaxBytes of bodies, each with what was made of it · evicts: what was not asked for the longest · owner:
  // LogReader
  readonly #shelf = new Map<string, LogPast>();
  #shelfBytes = 0;

  constructor(table: Table<LogTableRow>, clock: Pick<Clock, "now">) {
    this.#table = table;
    this.#clock = clock;
  }

  /** A message by its place, as it is on disk. */
  row({ row: { id } }: RoomLog, seq: number): LogMessageRow | undefined {
    return asMessage(this.#table.get(messageKey(id, seq)));
  }

  /** What follows the place `after`. */
  page(log: RoomLog, after: number, { max, maxBytes }: PageSize): LogPage {
    const { released, row } = log;
    const now = this.#clock.now();
    const past: LogPast[] = [];
    let next = after;
    let gap = false;
    let bytes = 0;
    for (let from = this.#firstFresh(log, Math.max(after + 1, row.first), now); from <= released; from += max) {
      const to = Math.min(from + max, released + 1);
      for (const [key, value] of this.#table.range(messageKey(row.id, from), messageKey(row.id, to))) {
        const message = asMessage(value);
        if (message === undefined || isOver(message, row.bounds, now)) continue;
        const seq = placeIn(key);
        bytes += bytesOfRow(message);
        if (past.length >= max || (past.length > 0 && bytes > maxBytes)) return { past, next, gap, more: true };
        if (seq !== next + 1) gap = true;
        past.push(this.#past(log, seq, message));
        next = seq;
      }
    }
    return { past, next: Math.max(released, after), gap: gap || next < released, more: false };
  }

  /** The last `count` messages. */
  last(log: RoomLog, count: number, { max, maxBytes }: PageSize): LogPage {
    const most = Math.min(count, max);
    const { past, next } = this.page(log, Math.max(log.released - most, log.row.first - 1), {
      max,
      maxBytes: Infinity,
    });
    let bytes = 0;
    const tooOld = past.findLastIndex((one) => (bytes += one.bytes) > maxBytes);
    return { past: past.slice(Math.min(tooOld + 1, Math.max(past.length - 1, 0))), next, gap: false, more: false };
  }

  /** The place of the first message from `from` on that is not too old: they came in order of their places. */
  #firstFresh(log: RoomLog, from: number, now: number): number {
    const isOld = (seq: number): boolean => {
      const row = this.row(log, seq);
      return row === undefined || isOver(row, log.row.bounds, now);
    };
    let low = from;
    let high = log.released + 1;
    if (low >= high || !isOld(low)) return low;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (isOld(middle)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The same object for all who ask soon: it is read and written once. */
  #past(log: RoomLog, seq: number, row: LogMessageRow): LogPast {
    const key = messageKey(log.row.id, seq);
    let past = this.#shelf.get(key);
    if (past === undefined) {
      let message: Message | undefined;
      const { room, epoch } = log;
      past = { bytes: row.body.length, message: () => (message ??= replayOf(row, { room, epoch, seq })) };
      this.#shelfBytes += past.bytes;
    } else this.#shelf.delete(key);
    this.#shelf.set(key, past);
    for (const [oldest, { bytes }] of this.#shelf) {
      if (this.#shelfBytes <= shelfMaxBytes || oldest === key) break;
      this.#shelf.delete(oldest);
      this.#shelfBytes -= bytes;
    }
    return past;
  }
}

function asMessage(value: LogTableRow | undefined): LogMessageRow | undefined {
  return value !== undefined && "body" in value ? value : undefined;
}

function placeIn(key: string): number {
  return Number(key.slice(key.lastIndexOf(" ") + 1));
}

/** A message that was kept as it is told again (protocols §1.9). */
function replayOf(
  { body, receivedAt, trust }: LogMessageRow,
  { room, epoch, seq }: { readonly room: string; readonly epoch: string; readonly seq: number },
): Message | undefined {
  const arrival = { topic: room, receivedAt, trust, origin: undefined };
  const { envelope } = Message.kept(body, arrival, { room_seq: seq, epoch });
  return envelope && Message.of({ ...envelope, type: "inform", replay: true }, arrival);
}

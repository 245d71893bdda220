import { Message, type Clock } from "../core/index.js";
import type { Table } from "../storage/table.js";
import { messageKey, messageRowBytes, type LogMessageRow, type LogTableRow } from "./log-row.js";
import { isOver, type RoomLog } from "./room-log.js";

/** What was said in a room, and is remembered. */
export interface LogPast {
  /** Bytes that it came in. */
  readonly bytes: number;
  /** So much of it is read at a time that it need not be made ready before. */
  readonly paged: true;
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
  /** The place of the last message that is wanted; absent: all. */
  readonly until?: number | undefined;
}

/** Of what is read again soon, so many bytes stay in memory: 4 MiB. */
const shelfMaxBytes = 4 * 1024 * 1024;

/** Reads what was sent in durable rooms, never what is still on its way to the disk. */
export class LogReader {
  readonly #table: Table<LogTableRow>;
  readonly #clock: Pick<Clock, "now">;
  readonly #unreadable: (thrown: unknown) => void;
  // bound: shelfMaxBytes of messages, each with what was made of it · evicts: what was not asked for the longest · owner:
  // LogReader
  readonly #shelf = new Map<string, Shelved>();
  #shelfBytes = 0;

  /** `unreadable` is told, once for each log, why a message of it cannot be read. */
  constructor(table: Table<LogTableRow>, clock: Pick<Clock, "now">, unreadable: (thrown: unknown) => void) {
    this.#table = table;
    this.#clock = clock;
    this.#unreadable = unreadable;
  }

  /** A message by its place, as it is on disk; undefined if it is not there, or damaged: that costs only itself. */
  row(log: RoomLog, seq: number): LogMessageRow | undefined {
    try {
      return asMessage(this.#table.get(messageKey(log.row.id, seq)));
    } catch (thrown) {
      if (!log.isDamaged) this.#unreadable(thrown);
      log.isDamaged = true;
      return undefined;
    }
  }

  /** What follows the place `after`. */
  page(log: RoomLog, after: number, { max, maxBytes, until = log.released }: PageSize): LogPage {
    const { row } = log;
    const end = Math.min(log.released, until);
    const now = this.#clock.now();
    const past: LogPast[] = [];
    let next = after;
    let gap = false;
    let bytes = 0;
    // What is too much by other bounds than before goes a moment after they were told.
    const first = Math.max(row.first, row.next - row.bounds.max);
    for (let seq = this.#firstFresh(log, Math.max(after + 1, first), now); seq <= end; seq += 1) {
      const found = this.#at(log, seq);
      if (found === undefined || isOver(found, row.bounds, now)) continue;
      bytes += found.bytes + messageRowBytes;
      if (past.length >= max || (past.length > 0 && bytes > maxBytes)) return { past, next, gap, more: true };
      if (seq !== next + 1) gap = true;
      past.push(found);
      next = seq;
    }
    return { past, next: Math.max(end, after), gap: gap || next < end, more: false };
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
    const end = log.released + 1;
    const isOld = (seq: number): boolean => {
      for (let at = seq; at < end; at += 1) {
        const row = this.row(log, at);
        if (row !== undefined) return isOver(row, log.row.bounds, now);
      }
      return true;
    };
    let low = from;
    let high = end;
    if (low >= high || !isOld(low)) return low;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (isOld(middle)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** A message; the same object for all who ask soon: it is read and written once. */
  #at(log: RoomLog, seq: number): Shelved | undefined {
    const key = messageKey(log.row.id, seq);
    let past = this.#shelf.get(key);
    if (past === undefined) {
      const row = this.row(log, seq);
      if (row === undefined) return undefined;
      past = shelved(row, { room: log.room, epoch: log.epoch, seq });
      this.#shelfBytes += past.bytes + messageRowBytes;
    } else this.#shelf.delete(key);
    this.#shelf.set(key, past);
    for (const [oldest, { bytes }] of this.#shelf) {
      if (this.#shelfBytes <= shelfMaxBytes || oldest === key) break;
      this.#shelf.delete(oldest);
      this.#shelfBytes -= bytes + messageRowBytes;
    }
    return past;
  }
}

/** A message that stays in memory for a while. */
interface Shelved extends LogPast {
  readonly receivedAt: number;
}

function shelved(row: LogMessageRow, place: Parameters<typeof replayOf>[1]): Shelved {
  let message: Message | undefined;
  const { body, receivedAt } = row;
  return { paged: true, receivedAt, bytes: body.length, message: () => (message ??= replayOf(row, place)) };
}

function asMessage(value: LogTableRow | undefined): LogMessageRow | undefined {
  return typeof value === "object" && "body" in value ? value : undefined;
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

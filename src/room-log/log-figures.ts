import type { RoomLog } from "./room-log.js";

/** What durable rooms remember in numbers, now. */
export interface LogFigures {
  /** Durable rooms. */
  readonly rooms: number;
  /** Messages that they remember, and their bytes as they count. */
  readonly messages: number;
  readonly bytes: number;
  /** As many bytes as all of them may take (`roomLogsTotalMaxBytes`): more is refused. */
  readonly maxBytes: number;
  /** Rooms that are as full as they may be, so that their oldest messages go. */
  readonly forgetting: number;
  /** Writes since the start that were forced onto the disk, and such that could not be kept. */
  readonly syncs: number;
  readonly failures: number;
}

/** Of a broker that has not begun. */
export const noLogs: LogFigures = {
  rooms: 0,
  messages: 0,
  bytes: 0,
  maxBytes: 0,
  forgetting: 0,
  syncs: 0,
  failures: 0,
};

/** A room is taken for full from this share of its bytes on: a message more may not fit. */
const fullShare = 0.95;

/** Counts rooms, and what they remember. */
export function figuresOfLogs(logs: Iterable<RoomLog>): Pick<LogFigures, "rooms" | "messages" | "forgetting"> {
  const sums = { rooms: 0, messages: 0, forgetting: 0 };
  for (const { row } of logs) {
    const messages = row.next - row.first;
    sums.rooms += 1;
    sums.messages += messages;
    if (messages >= row.bounds.max || row.bytes >= row.bounds.maxBytes * fullShare) sums.forgetting += 1;
  }
  return sums;
}

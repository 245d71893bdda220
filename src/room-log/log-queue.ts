import { Fault, type Message } from "../core/index.js";
import type { TableChange } from "../storage/table.js";
import { bytesOfRow, type LogMessageRow, type LogTableRow } from "./log-row.js";
import type { RoomLog } from "./room-log.js";

/** A message that is to be kept, then heard. */
export interface QueuedMessage {
  readonly log: RoomLog;
  readonly message: Message;
  readonly row: LogMessageRow;
}

/** A change of the table as it is made when it is its turn. No changes: there is nothing to do any more. */
export interface LogChange {
  readonly changes: readonly TableChange<LogTableRow>[];
  /** Called when it is on disk, before anything behind it is looked at. */
  readonly kept?: () => void;
}

/** Another change than a message, which comes in its turn. */
export interface QueuedChange {
  readonly make: () => LogChange;
  readonly done: () => void;
  /** Called before anything behind it is looked at. */
  readonly failed: (fault: Fault) => void;
}

/** What is written as one: messages of any rooms, or one other change. */
export type Group = { readonly messages: readonly QueuedMessage[] } | { readonly change: QueuedChange };

/** Messages that are written together at most, and their bytes: one write holds up what comes behind it. */
const groupMax = 500;
const groupMaxBytes = 2 * 1024 * 1024;
/** Messages that may wait for the disk, and their bytes: as much as comes in while it is slow; of one connection a quarter. */
const waitingMax = 10_000;
const waitingMaxBytes = 16 * 1024 * 1024;
/** A disk that is behind is asked again after this. */
const behindMs = 200;

/** Whoever no connection stands for. */
const broker = {};

/** Messages of one connection that wait, and their bytes. */
interface Waiting {
  readonly count: number;
  readonly bytes: number;
}

/** What waits for the disk, in the order in which it came: one order for each room and each sender (invariant 1). */
export class LogQueue {
  // bound: waitingMax messages of waitingMaxBytes; a change for each command that waits for its answer, for each log that is
  // swept, and one for
  // all cursors · evicts: one more message is refused as full · owner: LogQueue
  readonly #waiting: (QueuedMessage | QueuedChange)[] = [];
  /** Messages that are not heard yet, those that are being written included. */
  #count = 0;
  /** Their bytes, as they will count on disk. */
  bytes = 0;
  /** How much of it comes from one connection or session. */
  // bound: connections that speak in durable rooms · evicts: with the last message of it that waits · owner: LogQueue
  readonly #shares = new Map<object, Waiting>();

  /** @throws Fault full: the disk is behind */
  add(queued: QueuedMessage): void {
    const bytes = bytesOfRow(queued.row);
    const origin = queued.message.origin ?? broker;
    const share = this.#shares.get(origin) ?? { count: 0, bytes: 0 };
    const isTooMuch = this.#count >= waitingMax || this.bytes + bytes > waitingMaxBytes;
    // Whoever says more than the disk takes waits for itself, not the others.
    if (isTooMuch || share.count >= waitingMax / 4 || share.bytes + bytes > waitingMaxBytes / 4)
      throw new Fault("full", "as many messages of durable rooms wait for the disk as can; say it again", {
        retryAfterMs: behindMs,
      });
    this.#count += 1;
    this.bytes += bytes;
    this.#shares.set(origin, { count: share.count + 1, bytes: share.bytes + bytes });
    this.#waiting.push(queued);
  }

  change(change: QueuedChange): void {
    this.#waiting.push(change);
  }

  /** A message is heard, or refused. */
  done({ message, row }: QueuedMessage): void {
    const origin = message.origin ?? broker;
    const bytes = bytesOfRow(row);
    this.#count -= 1;
    this.bytes -= bytes;
    const share = this.#shares.get(origin);
    if (share === undefined || share.count === 1) this.#shares.delete(origin);
    else this.#shares.set(origin, { count: share.count - 1, bytes: share.bytes - bytes });
  }

  /** What is written next; undefined if nothing waits. */
  next(): Group | undefined {
    const [first] = this.#waiting;
    if (first === undefined) return undefined;
    if ("make" in first) {
      this.#waiting.shift();
      return { change: first };
    }
    const messages: QueuedMessage[] = [];
    let bytes = 0;
    for (const one of this.#waiting) {
      if ("make" in one) break;
      bytes += bytesOfRow(one.row);
      if (messages.length > 0 && (messages.length >= groupMax || bytes > groupMaxBytes)) break;
      messages.push(one);
    }
    this.#waiting.splice(0, messages.length);
    return { messages };
  }
}

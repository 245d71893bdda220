import {
  asFault,
  Fault,
  mayBeTold,
  Message,
  noticeBody,
  noticeOf,
  Slices,
  type Clock,
  type Exchange,
  type Subscriber,
} from "../core/index.js";
import type { Table } from "../storage/table.js";
import { LogQueue, type LogChange, type QueuedChange, type QueuedMessage } from "./log-queue.js";
import type { LogReader } from "./log-reader.js";
import type { LogTableRow } from "./log-row.js";
import type { LogPlan, RoomLog } from "./room-log.js";

/** After a failed write messages are refused at once for so long, milliseconds. */
const failedMs = 1_000;
/** One sender is told of so many messages one by one; of the rest, how many they are. */
const toldMax = 10;

/** What writing uses. */
export interface LogWriterOptions {
  readonly table: Table<LogTableRow>;
  readonly reader: Pick<LogReader, "row">;
  readonly clock: Clock;
  readonly exchange: Pick<Exchange, "announce" | "release" | "unstore">;
  /** A change of a log is on disk. */
  readonly apply: (log: RoomLog, plan: LogPlan) => void;
  /** A subscriber was given a message, or lost it. */
  readonly heard: (log: RoomLog, subscriber: Subscriber, seq: number, lost: boolean) => void;
  /** Is told of what went wrong when a message that is kept was given to those in the room. */
  readonly failed?: ((thrown: unknown) => void) | undefined;
}

/** A message that is on disk, and its place. */
interface Placed extends QueuedMessage {
  readonly seq: number;
}

/**
 * Writes messages of durable rooms in the order in which they came, many with one sync of the disk, and gives them to
 * those in the room afterwards: kept, then heard (protocols §10.1). One group is on its way at a time.
 */
export class LogWriter {
  readonly #queue = new LogQueue();
  readonly #releases: Slices;
  readonly #options: LogWriterOptions;
  #underWay: Promise<void> | undefined;
  /** Writes since the start that are on the disk, and such that could not be kept. */
  syncs = 0;
  failures = 0;
  /** Monotonic: until then nothing is taken, since the disk has just failed. */
  #failedUntil = -Infinity;

  constructor(options: LogWriterOptions) {
    this.#options = options;
    this.#releases = new Slices(options.clock, { failed: options.failed });
  }

  /** Bytes of messages that are not heard yet. */
  get waitingBytes(): number {
    return this.#queue.bytes;
  }

  /** Resolves when everything that was taken is on disk, or refused. */
  async idle(): Promise<void> {
    while (this.#underWay !== undefined) await this.#underWay;
  }

  /** Takes a message that is counted as stored. @throws Fault full, unavailable */
  add(queued: QueuedMessage): void {
    if (this.#options.clock.monotonic() < this.#failedUntil) throw cannotKeep(queued.log);
    this.#queue.add(queued);
    this.#start();
  }

  /**
   * Writes a change in its turn; it is made when it is its turn. `failed` is called at once if it could not be kept.
   * @throws Fault unavailable, as a rejection
   */
  write(make: () => LogChange, failed?: () => void): Promise<void> {
    return new Promise((done, reject) => {
      this.#queue.change({
        make,
        done,
        failed: (fault) => {
          failed?.();
          reject(fault);
        },
      });
      this.#start();
    });
  }

  #start(): void {
    this.#underWay ??= this.#writeAll();
  }

  /** Writes until nothing waits. Never rejects: what is told of one group does not hold up the next. */
  async #writeAll(): Promise<void> {
    // Everything that comes in one turn of the loop makes one group.
    await new Promise((resolve) => setImmediate(resolve));
    for (let group = this.#queue.next(); group !== undefined; group = this.#queue.next()) {
      try {
        if ("change" in group) await this.#change(group.change);
        else await this.#keep(group.messages);
      } catch (thrown) {
        this.#options.failed?.(thrown);
      }
    }
    this.#underWay = undefined;
  }

  async #batch(changes: LogChange["changes"]): Promise<void> {
    try {
      await this.#options.table.batch(changes);
      this.syncs += 1;
    } catch (thrown) {
      this.failures += 1;
      throw thrown;
    }
  }

  async #change({ make, done, failed }: QueuedChange): Promise<void> {
    try {
      const { changes, kept } = make();
      if (changes.length > 0) await this.#batch(changes);
      kept?.();
      done();
    } catch (thrown) {
      failed(asFault(thrown));
    }
  }

  async #keep(messages: readonly QueuedMessage[]): Promise<void> {
    const { apply, clock, reader } = this.#options;
    let placed: readonly Placed[];
    try {
      const plans = [...byLog(messages)].map(([log, said]) => {
        if (log.phase === "ended") throw cannotKeep(log); // it could not be begun
        const rows = said.map(({ row }) => row);
        return { log, plan: log.add(rows, clock.now(), (seq) => reader.row(log, seq)) };
      });
      await this.#batch(plans.flatMap(({ plan }) => plan.changes));
      placed = inPlace(messages);
      for (const { log, plan } of plans) apply(log, plan);
    } catch (thrown) {
      this.#failedUntil = clock.monotonic() + failedMs;
      this.#refuse(messages, asFault(thrown));
      return;
    }
    await this.#releaseAll(placed);
  }

  async #releaseAll(placed: readonly Placed[]): Promise<void> {
    let at = 0;
    await this.#releases.run(() => {
      const one = placed[at];
      at += 1;
      if (one === undefined) return undefined;
      try {
        this.#release(one);
      } catch (thrown) {
        this.#options.failed?.(thrown);
      }
      return at < placed.length ? "more" : undefined;
    });
  }

  #release({ seq, ...queued }: Placed): void {
    const { exchange, heard } = this.#options;
    const { log, message, row } = queued;
    this.#queue.done(queued);
    const { topic, receivedAt, trust, origin, speaker, hidden, raw } = message;
    const marks = { room_seq: seq, epoch: log.epoch };
    const kept = Message.kept(row.body, { topic, receivedAt, trust, origin, speaker }, marks);
    kept.hidden = hidden;
    kept.raw = raw;
    log.released = seq;
    exchange.release(kept, (subscriber, lost) => {
      heard(log, subscriber, seq, lost);
    });
    // Who said it knows it, though its dialect may not tell it.
    if (isSubscriber(origin)) heard(log, origin, seq, false);
  }

  /** They could not be kept: nobody has heard them, and their senders are told. */
  #refuse(messages: readonly QueuedMessage[], cause: Fault): void {
    const { exchange } = this.#options;
    exchange.unstore(messages.length, cause);
    for (const one of messages) this.#queue.done(one);
    for (const said of bySender(messages).values()) {
      said.slice(0, toldMax).forEach(({ message: { envelope }, log }, index) => {
        if (envelope === undefined || !mayBeTold(envelope)) return;
        const untold = index === toldMax - 1 ? said.length - toldMax : 0;
        const { code, message, retryAfterMs = 0 } = cannotKeep(log);
        const detail = untold > 0 ? { detail: { count: untold } } : {};
        exchange.announce(envelope.from, noticeBody(noticeOf({ code, message, retryAfterMs, ...detail }, envelope)));
      });
    }
  }
}

/** The refusal of a message while the disk fails. */
export function cannotKeep({ room }: RoomLog): Fault {
  return new Fault("unavailable", `${room} cannot keep what is said just now, so nobody hears it; say it again`, {
    retryAfterMs: failedMs,
  });
}

function isSubscriber(origin: object | undefined): origin is Subscriber {
  return origin !== undefined && "deliver" in origin;
}

/** The places of messages that have just been written. */
function inPlace(messages: readonly QueuedMessage[]): readonly Placed[] {
  const next: Record<string, number> = {};
  return messages.map((one) => {
    const { id, next: first } = one.log.row;
    const seq = next[id] ?? first;
    next[id] = seq + 1;
    return { ...one, seq };
  });
}

function byLog(messages: readonly QueuedMessage[]): ReadonlyMap<RoomLog, readonly QueuedMessage[]> {
  return grouped(messages, ({ log }) => log);
}

function bySender(messages: readonly QueuedMessage[]): ReadonlyMap<string, readonly QueuedMessage[]> {
  return grouped(messages, ({ message: { envelope } }) => envelope?.from ?? "");
}

function grouped<K, T>(items: readonly T[], keyOf: (item: T) => K): ReadonlyMap<K, readonly T[]> {
  return items.reduce((groups, item) => {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
    return groups;
  }, new Map<K, T[]>());
}

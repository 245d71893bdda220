import { asFault, Fault, type Message } from "../core/index.js";
import type { MailContext } from "./mail-context.js";
import type { MailRow } from "./mail-row.js";

/** What a box does with what it is given. */
export interface LoadingEvents {
  /** A row that is on the disk, in order of arrival. */
  row(row: MailRow): void;
  /** All rows have been read: what came meanwhile follows. */
  read(): void;
  /** A message that came meanwhile is taken, or refused, as if it came now. Never throws. @returns why it is refused */
  take(message: Message): Fault | undefined;
  /** All of it is done. */
  done(): void;
  /** The rows cannot be read: it is as if none had been. What came meanwhile is refused next. */
  failed(fault: Fault): void;
  /** A message that came meanwhile cannot be taken at all. */
  refuse(message: Message, fault: Fault): void;
}

/** A message that came while the box was read. */
interface Arrived {
  readonly message: Message;
  readonly bytes: number;
  /** Who wants to know whether it was taken. */
  told?: (refused: Fault | undefined) => void;
}

/** Rows that are read in one piece of work, less than a millisecond: so small a box is read at once. */
export const rowsAtOnce = 250;
/** Messages that came meanwhile and are taken in one piece of work. */
const takenAtOnce = 20;
/** So many messages of one box wait meanwhile, and so many bytes of those of all: then it is read to its end at once. */
const arrivedMax = 250;
const arrivedMaxBytes = 16 * 1024 * 1024;

/**
 * Reads what is on disk of one box, a little at a time: a full one has 7,000 rows, which would hold up the loop for
 * 15 ms and more. What comes meanwhile waits, and is taken in its order behind them (ARCHITECTURE, invariants 1 and 11).
 */
export class Loading {
  readonly #context: Pick<MailContext, "slices" | "totals">;
  readonly #rows: Iterator<MailRow>;
  readonly #events: LoadingEvents;
  readonly #arrived: Arrived[] = [];
  #phase: "reading" | "taking" | "over" = "reading";
  #whole: Promise<void> | undefined;

  constructor(context: Pick<MailContext, "slices" | "totals">, rows: Iterable<MailRow>, events: LoadingEvents) {
    this.#context = context;
    this.#rows = rows[Symbol.iterator]();
    this.#events = events;
  }

  /** Does all that is left at once. @throws Fault unavailable: a row is damaged */
  finish(): void {
    while (this.#step() === "more");
  }

  /**
   * Does what is left in slices: a small box is whole at once, if the turn has time for it. Rejected with Fault
   * unavailable: a row is damaged.
   */
  whole(): Promise<void> {
    return (this.#whole ??= this.#inSlices());
  }

  /** Lets a message wait. @returns false if too many do */
  wait(message: Message): boolean {
    const { totals } = this.#context;
    const bytes = message.keep().payload.length;
    if (this.#arrived.length >= arrivedMax || totals.arrivedBytes + bytes > arrivedMaxBytes) return false;
    this.#arrived.push({ message, bytes });
    totals.arrivedBytes += bytes;
    return true;
  }

  /** Resolves when what came last is taken. Rejected with why it was refused. */
  lastTaken(): Promise<void> {
    const last = this.#arrived.at(-1);
    if (last === undefined) return Promise.resolve();
    return new Promise((resolve, reject) => {
      last.told = (refused) => {
        if (refused === undefined) resolve();
        else reject(refused);
      };
    });
  }

  /** True if something waits. */
  get hasAny(): boolean {
    return this.#arrived.length > 0;
  }

  /** True if something of this sender waits. */
  hasOf(from: string): boolean {
    return this.#arrived.some(({ message }) => message.envelope?.from === from);
  }

  async #inSlices(): Promise<void> {
    await this.#context.slices.run(() => this.#step());
  }

  #step(): "more" | undefined {
    if (this.#phase === "reading") return this.#read();
    if (this.#phase === "over") return undefined;
    for (let left = takenAtOnce; left > 0; left -= 1) {
      const next = this.#next();
      if (next === undefined) {
        this.#phase = "over";
        this.#events.done();
        return undefined;
      }
      const refused = this.#events.take(next.message);
      next.told?.(refused);
    }
    return "more";
  }

  #read(): "more" {
    try {
      for (let left = rowsAtOnce; left > 0; left -= 1) {
        const next = this.#rows.next();
        if (next.done === true) {
          this.#events.read();
          this.#phase = "taking";
          break;
        }
        this.#events.row(next.value);
      }
    } catch (thrown) {
      throw this.#failed(asFault(thrown));
    }
    return "more";
  }

  /** @returns what is told: why in full, with places on the broker's disk, is for its log */
  #failed(cause: Fault): Fault {
    const words = "the mailbox cannot be read, something of it is damaged on disk; the broker's log says what to do";
    const fault = new Fault("unavailable", words, { cause });
    this.#phase = "over";
    this.#events.failed(cause);
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.#events.refuse(next.message, fault);
      next.told?.(fault);
    }
    return fault;
  }

  #next(): Arrived | undefined {
    const next = this.#arrived.shift();
    this.#context.totals.arrivedBytes -= next?.bytes ?? 0;
    return next;
  }
}

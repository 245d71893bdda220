import { asFault, Fault, type Clock, type Message } from "../core/index.js";
import type { Box, Entry } from "./box.js";
import type { MailRow } from "./mail-row.js";
import type { MailChange, MailStore, Written } from "./mail-store.js";

/** A message that has just come into a box. */
export interface Arrival {
  readonly box: Box;
  readonly entry: Entry;
  readonly row: MailRow;
  readonly message: Message;
}

/** What the journal tells of. */
export interface JournalEvents {
  /** A killed process cannot lose what has come into these boxes. */
  committed(boxes: ReadonlySet<Box>): void;
  /** These are on the disk. */
  kept(arrivals: readonly Arrival[]): void;
  /** These could not be kept: nobody has got them. */
  failed(arrivals: readonly Arrival[], fault: Fault): void;
}

/** What could not be written is tried again after this, milliseconds. */
const againMs = 1_000;

/** What is written together. */
interface Group {
  readonly changes: MailChange[];
  readonly arrivals: Arrival[];
  readonly boxes: Set<Box>;
}

/**
 * What changes in all boxes, on its way to the disk: everything of one turn of the loop is one group, with the rows of
 * the boxes it concerns, so that their counts are exact whenever the process is killed.
 */
export class MailJournal {
  readonly #store: MailStore;
  readonly #clock: Clock;
  readonly #events: JournalEvents;
  #group: Group | undefined;
  #written: Promise<Written> | undefined;
  /** What could not be written, and has happened all the same. */
  // bound: changes of messages that are in boxes · evicts: they are written again, until it succeeds · owner: MailJournal
  #again: Group = newGroup();
  #cancelAgain: (() => void) | undefined;
  #open = true;

  constructor(store: MailStore, clock: Clock, events: JournalEvents) {
    this.#store = store;
    this.#clock = clock;
    this.#events = events;
  }

  /** The last group could not be kept, and what it held has not been written since. */
  get isFailing(): boolean {
    return this.#cancelAgain !== undefined;
  }

  /** A message has come. */
  arrived(arrival: Arrival, body: Uint8Array): void {
    const group = this.#current();
    group.arrivals.push(arrival);
    group.changes.push({ put: arrival.row, body });
    group.boxes.add(arrival.box);
  }

  /** Something has changed in a box. What becomes of it, {@link written} tells. */
  changed(box: Box | undefined, ...changes: readonly MailChange[]): void {
    const group = this.#current();
    group.changes.push(...changes);
    if (box !== undefined) group.boxes.add(box);
  }

  /** When what has changed in this turn is safe. @throws Fault unavailable, as a rejection of its promises */
  written(): Promise<Written> {
    this.#current();
    return this.#written ?? Promise.reject(this.unavailable());
  }

  /** The counts of a box, or when its owner was here, have changed. */
  touched(box: Box): void {
    this.#current().boxes.add(box);
  }

  /** Why nothing more is taken while the last group could not be kept. */
  unavailable(): Fault {
    return new Fault(
      "unavailable",
      "the mailboxes cannot be written: the disk is full or failed; send again later (the broker's log says more)",
      { retryAfterMs: againMs },
    );
  }

  /** Nothing is tried again. */
  close(): void {
    this.#open = false;
    this.#cancelAgain?.();
    this.#cancelAgain = undefined;
  }

  /** The group of this turn, which is written when the turn is over. */
  #current(): Group {
    if (this.#group === undefined) {
      this.#group = newGroup();
      this.#written = Promise.resolve().then(() => this.#flush());
    }
    return this.#group;
  }

  #flush(): Written {
    const group = this.#group ?? newGroup();
    this.#group = undefined;
    const { changes, arrivals, boxes } = group;
    for (const box of boxes) if (!box.isClosed) changes.push({ box: box.row });
    const written = this.#store.write(changes);
    written.committed.then(
      () => {
        for (const { box, row } of arrivals) if (row.seq > box.committedSeq) box.committedSeq = row.seq;
        this.#events.committed(boxes);
      },
      (thrown: unknown) => {
        this.#failed(group, asFault(thrown));
      },
    );
    written.kept.then(
      () => {
        if (arrivals.length > 0) this.#events.kept(arrivals);
      },
      () => undefined, // told when the commit fails, which it does then
    );
    return written;
  }

  #failed({ changes, arrivals, boxes }: Group, fault: Fault): void {
    const gone = new Set<MailRow>(arrivals.map(({ row }) => row));
    this.#events.failed(arrivals, fault);
    for (const change of changes) {
      if ("box" in change || ("put" in change && gone.has(change.put))) continue;
      this.#again.changes.push(change);
    }
    for (const box of boxes) this.#again.boxes.add(box);
    if (!this.#open) return;
    this.#cancelAgain ??= this.#clock.after(againMs, () => {
      this.#cancelAgain = undefined;
      const { changes: late, boxes: of } = this.#again;
      this.#again = newGroup();
      const group = this.#current();
      group.changes.unshift(...late);
      for (const box of of) group.boxes.add(box);
    });
  }
}

function newGroup(): Group {
  return { changes: [], arrivals: [], boxes: new Set() };
}

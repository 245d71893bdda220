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
 * the boxes it concerns, so that their counts are exact whenever the process is killed. While the disk fails, what has
 * happened all the same waits, in its order, and is tried again.
 */
export class MailJournal {
  readonly #store: MailStore;
  readonly #clock: Clock;
  readonly #events: JournalEvents;
  #group: Group | undefined;
  #written: Promise<Written> | undefined;
  /** What could not be written, and has happened all the same: the last change of each row. */
  // bound: messages that are in boxes · evicts: they are written again, until it succeeds · owner: MailJournal
  readonly #again = new Map<string, MailChange>();
  // bound: mailboxesMax · evicts: as above · owner: MailJournal
  readonly #boxesAgain = new Set<Box>();
  #cancelAgain: (() => void) | undefined;
  /** Called when the pause after a failure is over. */
  #endPause: (() => void) | undefined;
  #phase: "open" | "closed" = "open";

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

  /** When what has changed so far is safe. @throws Fault unavailable, as a rejection of its promises */
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

  /** Writes what has changed so far; nothing is tried again after that. */
  async close(): Promise<void> {
    this.#phase = "closed";
    this.#cancelAgain?.();
    this.#cancelAgain = undefined;
    this.#endPause?.();
    await this.#written?.catch(() => undefined); // its group has been told
  }

  /** The group of this turn, which is written when the turn is over; or, while the disk fails, after a pause. */
  #current(): Group {
    if (this.#group === undefined) {
      this.#group = newGroup();
      const start = this.isFailing ? new Promise<void>((resolve) => (this.#endPause = resolve)) : Promise.resolve();
      this.#written = start.then(() => this.#flush());
      this.#written.catch(() => undefined); // nobody need wait for it
    }
    return this.#group;
  }

  #flush(): Written {
    const group = this.#group ?? newGroup();
    this.#group = undefined;
    this.#endPause = undefined;
    this.#cancelAgain?.();
    this.#cancelAgain = undefined;
    const { arrivals, boxes } = group;
    const changes = [...this.#again.values(), ...group.changes];
    for (const box of this.#boxesAgain) boxes.add(box);
    this.#again.clear();
    this.#boxesAgain.clear();
    for (const box of boxes) if (!box.isClosed) changes.push({ box: box.row });
    const written = this.#write(changes);
    written.committed.then(
      () => {
        for (const { box, row } of arrivals) if (row.seq > box.committedSeq) box.committedSeq = row.seq;
        this.#events.committed(boxes);
      },
      (thrown: unknown) => {
        this.#failed({ changes, arrivals, boxes }, asFault(thrown));
      },
    );
    written.kept.then(
      () => {
        for (const { box, row } of arrivals) if (row.seq > box.keptSeq) box.keptSeq = row.seq;
        if (arrivals.length > 0) this.#events.kept(arrivals);
      },
      () => undefined, // told when the commit fails, which it does then
    );
    return written;
  }

  #write(changes: readonly MailChange[]): Written {
    try {
      return this.#store.write(changes);
    } catch (thrown) {
      const failed = Promise.reject<void>(asFault(thrown));
      return { committed: failed, kept: failed };
    }
  }

  #failed({ changes, arrivals, boxes }: Group, fault: Fault): void {
    const gone = new Set(arrivals.map(({ row }) => keyOf({ put: row })));
    this.#events.failed(arrivals, fault);
    for (const change of changes) {
      const key = keyOf(change);
      if (key === undefined || gone.has(key)) continue;
      this.#again.delete(key);
      this.#again.set(key, change);
    }
    for (const box of boxes) this.#boxesAgain.add(box);
    if (this.#phase === "closed") return;
    this.#cancelAgain ??= this.#clock.after(againMs, () => {
      this.#cancelAgain = undefined;
      this.#current();
      this.#endPause?.();
    });
  }
}

/** What a change is about; undefined for the row of a box, which is written anew. */
function keyOf(change: MailChange): string | undefined {
  if ("box" in change) return undefined;
  if ("close" in change) return String(change.close);
  const { box, seq } = "put" in change ? change.put : "settle" in change ? change.settle : change.forget;
  return `${String(box)}/${String(seq)}`;
}

function newGroup(): Group {
  return { changes: [], arrivals: [], boxes: new Set() };
}

import { asFault, Fault, type Clock, type Message } from "../core/index.js";
import type { Box } from "./box.js";
import type { Entry } from "./entry.js";
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

/** A change, and its place in the order in which they happened. */
interface Numbered {
  readonly number: number;
  readonly change: MailChange;
}

/** What the store writes together. */
interface Group {
  readonly changes: Numbered[];
  readonly arrivals: Arrival[];
  readonly boxes: Set<Box>;
}

const nothing: Written = { committed: Promise.resolve(), kept: Promise.resolve() };

/**
 * What changes in all boxes, on its way to the disk: each change with the row of its box, so that the counts are exact
 * whenever the process is killed. While the disk fails, what has happened all the same waits, and is tried again.
 */
export class MailJournal {
  readonly #store: MailStore;
  readonly #clock: Clock;
  readonly #events: JournalEvents;
  // bound: groups of the store that are on their way · evicts: when they are on the disk, or could not be kept · owner:
  // MailJournal
  readonly #groups = new Map<Written, Group>();
  #last = nothing;
  #number = 0;
  /** What could not be written, and has happened all the same: the last change of each row. */
  // bound: messages that are in boxes · evicts: they are written again, until it succeeds · owner: MailJournal
  readonly #again = new Map<string, Numbered>();
  // bound: mailboxesMax · evicts: as above · owner: MailJournal
  readonly #boxesAgain = new Set<Box>();
  /** The pause after a failure; `retried` tells what becomes of what waits for its end. */
  #pause: { readonly cancel: () => void; readonly retried: (written: Written) => void } | undefined;
  #retry: Promise<Written> | undefined;
  #phase: "open" | "closed" = "open";

  constructor(store: MailStore, clock: Clock, events: JournalEvents) {
    this.#store = store;
    this.#clock = clock;
    this.#events = events;
  }

  /** The last group could not be kept, and what it held has not been written since. */
  get isFailing(): boolean {
    return this.#pause !== undefined;
  }

  /** A message has come. */
  arrived(arrival: Arrival, body: Uint8Array): void {
    this.#write([{ put: arrival.row, body, before: null }], arrival.box, arrival);
  }

  /** Something has changed in a box. What becomes of it, {@link written} tells. */
  changed(box: Box | undefined, ...changes: readonly MailChange[]): void {
    this.#write(changes, box);
  }

  /** The counts of a box, or when its owner was here, have changed. */
  touched(box: Box): void {
    this.#write([], box);
  }

  /** When all that has changed so far is safe. @throws Fault unavailable, as a rejection of its promises */
  written(): Promise<Written> {
    return this.#retry ?? Promise.resolve(this.#last);
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
    this.#phase = "closed";
    this.#writeAgain();
  }

  #write(changes: readonly MailChange[], box: Box | undefined, arrival?: Arrival): void {
    if (this.#pause !== undefined) {
      for (const change of changes) this.#keep({ number: (this.#number += 1), change });
      if (box !== undefined) this.#boxesAgain.add(box);
      return;
    }
    const boxes = box === undefined || box.isClosed ? [] : [{ box: box.row }];
    const written = this.#tryToWrite([...changes, ...boxes]);
    this.#last = written;
    let group = this.#groups.get(written);
    if (group === undefined) {
      group = { changes: [], arrivals: [], boxes: new Set() };
      this.#groups.set(written, group);
      this.#follow(written, group);
    }
    for (const change of changes) group.changes.push({ number: (this.#number += 1), change });
    if (arrival !== undefined) group.arrivals.push(arrival);
    if (box !== undefined) group.boxes.add(box);
  }

  #tryToWrite(changes: readonly MailChange[]): Written {
    try {
      return this.#store.write(changes);
    } catch (thrown) {
      const failed = Promise.reject<void>(asFault(thrown));
      failed.catch(() => undefined); // it is told below
      return { committed: failed, kept: failed };
    }
  }

  #follow(written: Written, group: Group): void {
    written.committed.then(
      () => {
        for (const { box, row } of group.arrivals) if (row.seq > box.committedSeq) box.committedSeq = row.seq;
        this.#events.committed(group.boxes);
      },
      (thrown: unknown) => {
        this.#groups.delete(written);
        this.#failed(group, asFault(thrown));
      },
    );
    written.kept.then(
      () => {
        this.#groups.delete(written);
        if (this.#last === written) this.#last = nothing;
        for (const { box, row } of group.arrivals) if (row.seq > box.keptSeq) box.keptSeq = row.seq;
        if (group.arrivals.length > 0) this.#events.kept(group.arrivals);
      },
      () => this.#groups.delete(written), // told when the commit fails, which it does then
    );
  }

  #failed({ changes, arrivals, boxes }: Group, fault: Fault): void {
    const gone = new Set(arrivals.map(({ row }) => keyOf({ put: row })));
    this.#events.failed(arrivals, fault);
    for (const numbered of changes) if (!gone.has(keyOf(numbered.change))) this.#keep(numbered);
    for (const box of boxes) this.#boxesAgain.add(box);
    if (this.#phase === "closed" || this.#pause !== undefined) return;
    const cancel = this.#clock.after(againMs, () => {
      this.#writeAgain();
    });
    this.#retry = new Promise((resolve) => (this.#pause = { cancel, retried: resolve }));
  }

  /** The last change of a row is the one that counts. */
  #keep(numbered: Numbered): void {
    const key = keyOf(numbered.change);
    if (key === undefined || numbered.number <= (this.#again.get(key)?.number ?? 0)) return;
    this.#again.set(key, { ...numbered, change: byItself(numbered.change) });
  }

  /** The pause is over: all that waited is one group. */
  #writeAgain(): void {
    const pause = this.#pause;
    if (pause === undefined) return;
    pause.cancel();
    this.#pause = undefined;
    this.#retry = undefined;
    const changes = [...this.#again.values()].sort((one, other) => one.number - other.number);
    const boxes = new Set(this.#boxesAgain);
    this.#again.clear();
    this.#boxesAgain.clear();
    const rows = [...boxes].filter(({ isClosed }) => !isClosed).map((box): MailChange => ({ box: box.row }));
    const written = this.#tryToWrite([...changes.map(({ change }) => change), ...rows]);
    this.#last = written;
    const group: Group = { changes, arrivals: [], boxes };
    this.#groups.set(written, group);
    this.#follow(written, group);
    pause.retried(written);
  }
}

/** A change as it is when those before it are not on the disk: it says all by itself, and knows nothing of before. */
function byItself(change: MailChange): MailChange {
  if ("move" in change) return { put: change.move };
  if ("settle" in change) return { settle: change.settle };
  if ("forget" in change) return { forget: change.forget };
  return "put" in change ? { put: change.put, ...(change.body !== undefined && { body: change.body }) } : change;
}

/** What a change is about; undefined for the row of a box, which is written anew. */
function keyOf(change: MailChange): string | undefined {
  if ("box" in change) return undefined;
  if ("close" in change) return String(change.close);
  const { box, seq } =
    "put" in change ? change.put : "move" in change ? change.move : "settle" in change ? change.settle : change.forget;
  return `${String(box)}/${String(seq)}`;
}

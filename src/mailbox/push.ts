import type { Message, Recipient } from "../core/index.js";
import type { Box } from "./box.js";
import type { Entry } from "./entry.js";

/** Messages and bytes that one connection is given before it has proved to have read them, at first and at most. */
export interface WindowLimits {
  readonly mailWindowMin: number;
  readonly mailWindowMax: number;
  readonly mailWindowBytes: number;
}

/** What pushing needs of its box. */
export interface PushEvents {
  /** The message of an entry as it goes out; undefined if its body is gone. */
  message(entry: Entry, attempt: number): Message | undefined;
  /** A connection has proved to have read these. */
  handedOver(entries: readonly Entry[]): void;
  /** True if it rests, after a lease. */
  rests(entry: Entry): boolean;
  /** It can never be told to this owner. */
  unrenderable(entry: Entry, why: string): void;
  /** Something could not be done because of what a connection did, which has nothing to do with it. */
  failed(thrown: unknown): void;
}

/** A proof that comes within this, milliseconds, is quick. */
const quickMs = 1_000;

/** One connection of the owner. */
interface Line {
  readonly recipient: Recipient;
  /** The last entry that it was given, or that it is not to be given. */
  cursor: number;
  /** What came after this was for all who were here, this one too. */
  readonly since: number;
  /** What it was given and has not proved to have read. */
  readonly unproved: Entry[];
  unprovedBytes: number;
  window: number;
  /** It is asked for a proof of so many of them. */
  asked: number | undefined;
}

/**
 * Hands over what waits in one box to its owner's connections, in order of arrival, a window at a time (protocols §9,
 * push mode). What a connection has not proved to have read when it ends waits again. What waits goes to the connection
 * that came last; what comes later, to all.
 */
export class Pushing {
  readonly #box: Box;
  readonly #limits: WindowLimits;
  readonly #events: PushEvents;
  // bound: connections that the owner has at once (agentsMax) · evicts: a line with its connection · owner: Pushing
  readonly #lines = new Map<Recipient, Line>();
  #phase: "idle" | "pumping" | "again" = "idle";

  constructor(box: Box, limits: WindowLimits, events: PushEvents) {
    this.#box = box;
    this.#limits = limits;
    this.#events = events;
  }

  /** How many connections there are. */
  get size(): number {
    return this.#lines.size;
  }

  /** True if one of them cannot prove that it has read anything. */
  get isUnproved(): boolean {
    return [...this.#lines.keys()].some(({ canProve }) => !canProve);
  }

  has(recipient: Recipient): boolean {
    return this.#lines.has(recipient);
  }

  /** A connection of the owner has come. */
  arrived(recipient: Recipient): void {
    const last = this.#box.settings.nextSeq - 1;
    for (const line of this.#lines.values()) line.cursor = last;
    this.#lines.set(recipient, {
      recipient,
      cursor: 0,
      since: last,
      unproved: [],
      unprovedBytes: 0,
      window: this.#limits.mailWindowMin,
      asked: undefined,
    });
  }

  /** A connection has ended: what it has not proved to have read waits again, for the one that came last of the others. */
  left(recipient: Recipient): void {
    const line = this.#lines.get(recipient);
    if (line === undefined) return;
    this.#lines.delete(recipient);
    for (const entry of line.unproved) entry.holders -= 1;
    const last = [...this.#lines.values()].at(-1);
    if (last === undefined) return;
    last.cursor = 0;
    this.#carefully(() => {
      this.pump();
    });
  }

  /** An entry waits again in its old place: it is for the connection that came last. */
  back(seq: number): void {
    const last = [...this.#lines.values()].at(-1);
    if (last !== undefined) last.cursor = Math.min(last.cursor, seq - 1);
  }

  /** Something may be handed over. */
  pump(): void {
    // Rendering may end a connection, which comes back here.
    if (this.#phase !== "idle") {
      this.#phase = "again";
      return;
    }
    try {
      do {
        this.#phase = "pumping";
        for (const line of [...this.#lines.values()])
          this.#carefully(() => {
            this.#pump(line);
          });
      } while (this.#hasMore);
    } finally {
      this.#phase = "idle";
    }
  }

  get #hasMore(): boolean {
    return this.#phase === "again";
  }

  /** Nothing more is handed over: in take mode, or when the box is closed. */
  end(): void {
    for (const { unproved } of this.#lines.values()) for (const entry of unproved) entry.holders -= 1;
    this.#lines.clear();
  }

  #pump(line: Line): void {
    const { unproved } = line;
    if (!this.#fill(line) || unproved.length === 0 || line.asked !== undefined) return;
    line.asked = unproved.length;
    this.#ask(line);
  }

  #ask(line: Line): void {
    const { recipient } = line;
    recipient.prove(this, (tookMs) => {
      this.#carefully(() => {
        if (this.#lines.get(recipient) === line) this.#proved(line, tookMs);
      });
    });
  }

  /** A row that cannot be read is no fault of the connection's. */
  #carefully(work: () => void): void {
    try {
      work();
    } catch (thrown) {
      this.#events.failed(thrown);
    }
  }

  /**
   * Gives a connection as much as its window holds.
   * @returns false if the connection is ending
   */
  #fill(line: Line): boolean {
    const { mailWindowBytes, mailWindowMin } = this.#limits;
    const maxBytes = (mailWindowBytes * line.window) / mailWindowMin;
    for (const entry of this.#box.after(line.cursor)) {
      if (entry.seq > this.#box.committedSeq || line.unproved.length >= line.window) break;
      if (line.unproved.length > 0 && line.unprovedBytes + entry.bytes > maxBytes) break;
      if (entry.state !== "waiting" || (entry.holders > 0 && line.unproved.includes(entry))) continue;
      if (this.#events.rests(entry)) continue;
      // What came while several are here is one delivery, a copy for each.
      const isCopy = entry.holders > 0 && entry.seq > line.since;
      const attempt = isCopy ? entry.attempts : entry.attempts + 1;
      const message = this.#messageOf(entry, attempt);
      if (message === undefined) continue;
      const pushed = line.recipient.push(message);
      if (pushed === "closed") return false;
      if (pushed === "full") {
        // There is room again when it has read what it was given, or what others have said to it.
        if (line.unproved.length === 0 && line.asked === undefined) this.#askForRoom(line);
        break;
      }
      line.cursor = entry.seq;
      if (pushed === "taken") this.#given(line, entry, attempt);
      else this.#events.unrenderable(entry, pushed.unrenderable);
    }
    return this.#lines.get(line.recipient) === line;
  }

  /** Undefined if there is nothing to be given: also of what cannot be read, which holds up nobody and waits on. */
  #messageOf(entry: Entry, attempt: number): Message | undefined {
    try {
      return this.#events.message(entry, attempt);
    } catch (thrown) {
      this.#events.failed(thrown);
      return undefined;
    }
  }

  /** The next window: twice as large after a quick proof; a quarter after a slow one, since its program is behind. */
  #windowAfter({ recipient, window }: Line, tookMs: number): number {
    const { mailWindowMax } = this.#limits;
    if (recipient.canProve && tookMs > quickMs) return Math.max(window >> 2, 1);
    return Math.min(window * 2, mailWindowMax, recipient.windowMax ?? mailWindowMax);
  }

  #given(line: Line, entry: Entry, attempt: number): void {
    entry.attempts = attempt;
    entry.holders += 1;
    line.unproved.push(entry);
    line.unprovedBytes += entry.bytes;
  }

  #askForRoom(line: Line): void {
    line.asked = 0;
    this.#ask(line);
  }

  #proved(line: Line, tookMs: number): void {
    const entries = line.unproved.splice(0, line.asked);
    const isWindow = entries.length > 0;
    line.asked = undefined;
    for (const entry of entries) {
      entry.holders -= 1;
      line.unprovedBytes -= entry.bytes;
    }
    if (isWindow) line.window = this.#windowAfter(line, tookMs);
    try {
      this.#events.handedOver(entries.filter(({ state }) => state !== "settled"));
    } finally {
      this.pump();
    }
  }
}

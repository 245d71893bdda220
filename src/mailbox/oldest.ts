import type { Box } from "./box.js";
import type { MailRow } from "./mail-row.js";
import type { MailStore } from "./mail-store.js";

/** Rows of the disk that are looked at in one piece of work. */
const rowsAtOnce = 250;

interface Found {
  readonly seq: number;
  readonly at: number;
}

/** When the oldest message of a box that is not settled came: remembered, since it changes seldom. */
export class Oldest {
  readonly #box: Box;
  #found: Found | undefined;
  /** While it is looked for on the disk. */
  #rows: Iterator<MailRow> | undefined;

  constructor(box: Box) {
    this.#box = box;
  }

  /** Wall clock, milliseconds, as it was when it was looked for last; undefined: none waits. */
  get at(): number | undefined {
    const { waiting, leased } = this.#box.counts;
    return waiting + leased === 0 ? undefined : this.#found?.at;
  }

  /** Looks for it in a box that is read: on the disk if it is another one than before. */
  look(store: MailStore): void {
    const box = this.#box;
    this.#rows = undefined;
    const seq = firstOf(box);
    if (seq === undefined) this.#found = undefined;
    else if (seq !== this.#found?.seq) {
      const row = store.row(box.id, seq);
      this.#found = row && { seq: row.seq, at: row.storedAt };
    }
  }

  /**
   * Looks for it, also in a box that is not read, where thousands of settled rows may lie before it: some of them now.
   * @returns "more" if it has not been found yet
   */
  search(store: MailStore): "more" | undefined {
    const { counts, id, isLoaded } = this.#box;
    if (isLoaded) {
      this.look(store);
      return undefined;
    }
    if (counts.waiting + counts.leased === 0) this.#found = undefined;
    else if (this.#found === undefined) {
      const rows = (this.#rows ??= store.rows(id, 1)[Symbol.iterator]());
      const found = firstIn(rows);
      if (found === "more") return "more";
      this.#found = found;
    }
    this.#rows = undefined;
    return undefined;
  }
}

/** The first of the next rows that is not settled; "more" if it may lie behind them. */
function firstIn(rows: Iterator<MailRow>): Found | "more" | undefined {
  for (let left = rowsAtOnce; left > 0; left -= 1) {
    const next = rows.next();
    if (next.done === true) return undefined;
    const { seq, state, storedAt: at } = next.value;
    if (state === "waiting" || state === "leased") return { seq, at };
  }
  return "more";
}

/** The sequence of the first entry that is not settled; undefined if none is. */
function firstOf(box: Box): number | undefined {
  for (const { seq } of box.after(0)) return seq;
  return undefined;
}

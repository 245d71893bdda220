import type { Box } from "./box.js";
import type { MailStore } from "./mail-store.js";

/** When the oldest message of a box that is not settled came: remembered, since it changes seldom. */
export class Oldest {
  readonly #box: Box;
  #found: { readonly seq: number; readonly at: number } | undefined;

  constructor(box: Box) {
    this.#box = box;
  }

  /** Wall clock, milliseconds, as it was when it was looked for last; undefined: none waits. */
  get at(): number | undefined {
    const { waiting, leased } = this.#box.counts;
    return waiting + leased === 0 ? undefined : this.#found?.at;
  }

  /** Looks for it: on the disk if it is another one than before. */
  look(store: MailStore): number | undefined {
    const box = this.#box;
    if (box.counts.waiting + box.counts.leased === 0) this.#found = undefined;
    else if (box.isLoaded) {
      const seq = firstOf(box);
      if (seq === undefined || seq !== this.#found?.seq) {
        const row = seq === undefined ? undefined : store.row(box.id, seq);
        this.#found = row && { seq: row.seq, at: row.storedAt };
      }
    } else this.#found ??= onDisk(box, store);
    return this.#found?.at;
  }
}

function onDisk(box: Box, store: MailStore): { readonly seq: number; readonly at: number } | undefined {
  for (const { seq, state, storedAt: at } of store.rows(box.id, 1))
    if (state === "waiting" || state === "leased") return { seq, at };
  return undefined;
}

/** The sequence of the first entry that is not settled; undefined if none is. */
function firstOf(box: Box): number | undefined {
  for (const { seq } of box.after(0)) return seq;
  return undefined;
}

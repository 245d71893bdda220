import type { MailContext } from "./mail-context.js";

/** Forgets the rows of a box that is closed, a little at a time: all of them in one change would hold up the loop. */
export async function forgetRows(box: number, { journal, slices, store }: MailContext): Promise<void> {
  const rows = store.rows(box, 1)[Symbol.iterator]();
  await slices.run(() => {
    const next = rows.next();
    if (next.done === true) return undefined;
    journal.changed(undefined, { forget: { box, seq: next.value.seq } });
    return "more";
  });
}

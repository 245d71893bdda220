import type { MailContext } from "./mail-context.js";
import type { Mailbox } from "./mailbox.js";

/**
 * Brings all that waits in a box that is closed to its end, and forgets the box, a little at a time: all of it at once
 * would hold up the loop. Resolves when the last change is on its way to the disk. @throws Fault unavailable
 */
export async function endBox(mailbox: Mailbox, context: MailContext): Promise<void> {
  const { journal, slices } = context;
  const { box } = mailbox;
  await mailbox.loaded();
  await slices.run(() => (mailbox.discardOne() ? "more" : undefined));
  await forgetRows(box.id, context);
  box.isClosed = true;
  box.asked.end();
  box.forgetAllDead();
  journal.changed(undefined, { close: box.id });
}

async function forgetRows(box: number, { journal, slices, store }: MailContext): Promise<void> {
  const rows = store.rows(box, 1)[Symbol.iterator]();
  await slices.run(() => {
    const next = rows.next();
    if (next.done === true) return undefined;
    journal.changed(undefined, { forget: { box, seq: next.value.seq } });
    return "more";
  });
}

import { Fault } from "../core/index.js";
import { BySeq } from "./by-seq.js";
import { saidWords, type MailPlace } from "./mail-keys.js";
import type { BoxRow, MailRow } from "./mail-row.js";
import type { MailChange, Written } from "./mail-store.js";

/** What becomes of one row, and of its body; `same`: that stays as it was before the group. */
export interface MailPending {
  readonly row: MailRow | "gone";
  readonly body: Uint8Array | "gone" | "same";
  /** The row before the group: null if there was none, undefined if nobody has said. */
  readonly before: MailRow | null | undefined;
  /** Nothing of the row has changed but how it waits. */
  readonly isMove: boolean;
}

/** Changes that go to the disk together: what is found of them before, and who waits for them. */
export class MailGroup {
  // bound: changes of the last few milliseconds · evicts: goes when the group is on disk · owner: MailGroup
  readonly boxes = new Map<number, BoxRow>();
  // bound: as above · evicts: goes when the group is on disk · owner: MailGroup
  readonly closed = new Set<number>();
  // bound: as above · evicts: goes when the group is on disk · owner: MailGroup
  readonly rows = new Map<number, BySeq<MailPending>>();
  // bound: as above · evicts: goes when the group is on disk · owner: MailGroup
  readonly #said = new Map<string, MailPlace[]>();
  readonly #committed = settled();
  readonly #kept = settled();
  /** For whoever wrote something of it. */
  readonly written: Written = { committed: this.#committed.promise, kept: this.#kept.promise };
  /** So many changes are in it. */
  size = 0;
  phase: "open" | "on its way" | "committed" = "open";

  add(change: MailChange): void {
    this.size += 1;
    if ("box" in change) this.boxes.set(change.box.id, change.box);
    else if ("close" in change) {
      this.boxes.delete(change.close);
      this.rows.delete(change.close);
      this.closed.add(change.close);
    } else if ("forget" in change) {
      const { box, seq } = change.forget;
      this.#change(box, seq, "gone", "gone", change.before);
    } else if ("move" in change) this.#put(change.move, "same", undefined, true);
    else if ("settle" in change) this.#put(change.settle, "gone", change.before);
    else this.#put(change.put, change.body ?? "same", change.before);
  }

  #put(row: MailRow, body: MailPending["body"], before: MailRow | null | undefined, isMove = false): void {
    this.#change(row.box, row.seq, row, body, before, isMove);
    // Whoever looks for what was said finds it where it is.
    if (isMove || (before?.sender === row.sender && before.messageId === row.messageId)) return;
    const key = saidWords(row.sender, row.messageId);
    const said = this.#said.get(key);
    if (said === undefined) this.#said.set(key, [row]);
    else said.push(row);
  }

  /** The first that says what was before, and did not come from this group, knows it. */
  #change(
    box: number,
    seq: number,
    row: MailPending["row"],
    body: MailPending["body"],
    before: MailRow | null | undefined,
    isMove = false,
  ): void {
    const rows = this.#of(box);
    const known = rows.get(seq);
    if (known === undefined) rows.set(seq, { row, body, before, isMove });
    else {
      const bodyNow = body === "same" ? known.body : body;
      rows.set(seq, { row, body: bodyNow, before: known.before, isMove: isMove && known.isMove });
    }
  }

  #of(box: number): BySeq<MailPending> {
    let rows = this.rows.get(box);
    if (rows === undefined) this.rows.set(box, (rows = new BySeq()));
    return rows;
  }

  /** A row as the group leaves it; undefined if it says nothing about it. */
  row(box: number, seq: number): MailPending | undefined {
    return this.rows.get(box)?.get(seq) ?? (this.closed.has(box) ? gone : undefined);
  }

  /** A box as the group leaves it; undefined if it says nothing about it. */
  box(id: number): BoxRow | "gone" | undefined {
    return this.boxes.get(id) ?? (this.closed.has(id) ? "gone" : undefined);
  }

  /** Where this sender's rows with this id may be, of those that the group writes. */
  said(sender: string, messageId: string): readonly MailPlace[] {
    return this.#said.get(saidWords(sender, messageId)) ?? [];
  }

  /** A killed process cannot lose it any more. */
  committed(): void {
    this.#committed.resolve();
  }

  /** It is on the disk. */
  kept(): void {
    this.#committed.resolve();
    this.#kept.resolve();
  }

  /** It could not be kept. */
  failed(why: unknown): void {
    this.#committed.reject(why);
    this.#kept.reject(why);
  }
}

const gone: MailPending = { row: "gone", body: "gone", before: null, isMove: false };

/** Of a store that takes nothing any more, and why. */
export function refused(why: "failed" | "closed"): Written {
  const none = new MailGroup();
  none.failed(new Fault("unavailable", refusals[why]));
  return none.written;
}

const refusals = {
  failed: "the disk of the mailboxes has failed: look into the system's log, mend it and restart the broker",
  closed: "the mailboxes are closed: the broker has stopped",
};

interface Settled {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (why: unknown) => void;
}

/** A promise and what settles it. Nobody need take it: one that is rejected and left alone would end the process. */
function settled(): Settled {
  let resolve: () => void = () => undefined;
  let reject: (why: unknown) => void = () => undefined;
  const promise = new Promise<void>((keep, refuse) => {
    resolve = keep;
    reject = refuse;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

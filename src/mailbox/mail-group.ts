import { Fault } from "../core/index.js";
import { BySeq } from "./by-seq.js";
import { saidWords, type MailPlace } from "./mail-keys.js";
import type { BoxRow, MailRow } from "./mail-row.js";
import type { MailChange, Written } from "./mail-store.js";

/** What becomes of one row, and of its body; `same`: that stays as it was before the group. */
export interface MailPending {
  readonly row: MailRow | "gone";
  readonly body: Uint8Array | "gone" | "same";
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
    if ("box" in change) this.boxes.set(change.box.id, copyOf(change.box));
    else if ("close" in change) {
      this.boxes.delete(change.close);
      this.rows.delete(change.close);
      this.closed.add(change.close);
    } else if ("forget" in change) this.#of(change.forget.box).set(change.forget.seq, { row: "gone", body: "gone" });
    else if ("settle" in change) this.#put(change.settle, "gone");
    else this.#put(change.put, change.body);
  }

  #put(row: MailRow, body: Uint8Array | "gone" | undefined): void {
    const rows = this.#of(row.box);
    const before = rows.get(row.seq)?.body ?? "same";
    // Copies: their owner may do with his what he likes.
    rows.set(row.seq, {
      row: { ...row },
      body: body === undefined ? before : body === "gone" ? body : Buffer.from(body),
    });
    const key = saidWords(row.sender, row.messageId);
    const said = this.#said.get(key);
    if (said === undefined) this.#said.set(key, [row]);
    else said.push(row);
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

const gone: MailPending = { row: "gone", body: "gone" };

/** A box as it is now, whatever its owner does to it later. */
export function copyOf(box: BoxRow): BoxRow {
  return { ...box, counts: { ...box.counts } };
}

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

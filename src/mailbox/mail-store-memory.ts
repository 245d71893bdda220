import { randomBytes } from "node:crypto";
import { BySeq } from "./by-seq.js";
import { byTime, dueAt, type Due } from "./mail-due.js";
import { refused } from "./mail-group.js";
import { saidWords } from "./mail-keys.js";
import type { BoxRow, MailRow } from "./mail-row.js";
import type { MailChange, MailStore, SaidLast, Written } from "./mail-store.js";

/** One message. */
interface Kept {
  readonly row: MailRow;
  readonly body: Uint8Array | undefined;
}

/** Mailboxes in memory, for a broker without a data directory and for tests: nothing outlives the process. */
export class MailStoreMemory implements MailStore {
  readonly epoch = randomBytes(8).toString("hex");
  readonly diskBytes = 0;
  readonly syncs = 0;
  // bound: boxes that were opened; mailboxes state the limit · evicts: with its box · owner: MailStoreMemory
  readonly #boxes = new Map<number, BoxRow>();
  // bound: messages of all boxes; mailboxes state the limit · evicts: with its message · owner: MailStoreMemory
  readonly #mail = new Map<number, BySeq<Kept>>();
  // bound: messages of all boxes · evicts: with its message · owner: MailStoreMemory
  readonly #said = new Map<string, Set<MailRow>>();
  /** No row is due before. */
  #earliest = Infinity;
  #phase: "open" | "closed" = "open";

  open(): void {
    this.#phase = "open";
  }

  close(): Promise<void> {
    this.#phase = "closed";
    return Promise.resolve();
  }

  *boxes(): Iterable<BoxRow> {
    for (const id of [...this.#boxes.keys()]) {
      const box = this.#boxes.get(id);
      if (box !== undefined && this.#phase === "open") yield box;
    }
  }

  *rows(box: number, seq: number): Iterable<MailRow> {
    for (let next = this.#from(box, seq); next !== undefined; next = this.#from(box, next.seq + 1)) yield next;
  }

  #from(box: number, seq: number): MailRow | undefined {
    const found = this.#mail.get(box)?.firstFrom(seq);
    return found === undefined ? undefined : this.row(box, found);
  }

  row(box: number, seq: number): MailRow | undefined {
    return this.#phase === "open" ? this.#mail.get(box)?.get(seq)?.row : undefined;
  }

  body(box: number, seq: number): Uint8Array | undefined {
    return this.#phase === "open" ? this.#mail.get(box)?.get(seq)?.body : undefined;
  }

  said(sender: string, messageId: string, last?: SaidLast): Iterable<MailRow> {
    const all = this.#phase === "open" ? [...(this.#said.get(saidWords(sender, messageId)) ?? [])] : [];
    const wanted = last?.box === undefined ? all : all.filter(({ box }) => box === last.box);
    return last === undefined ? wanted : wanted.slice(-last.max);
  }

  due(now: number, max: number): readonly MailRow[] {
    if (this.#phase === "closed" || now < this.#earliest) return [];
    const due: Due[] = [];
    let earliest = Infinity;
    for (const mail of this.#mail.values()) {
      for (const [, { row }] of mail.entries()) {
        const at = dueAt(row);
        if (at === undefined) continue;
        earliest = Math.min(earliest, at);
        if (at <= now) due.push({ at, row });
      }
    }
    this.#earliest = earliest;
    return due
      .sort(byTime)
      .slice(0, max)
      .map(({ row }) => row);
  }

  write(changes: readonly MailChange[]): Written {
    if (this.#phase === "closed") return refused(this.#phase);
    for (const change of changes) this.#make(change);
    return { committed: Promise.resolve(), kept: Promise.resolve() };
  }

  #make(change: MailChange): void {
    if ("box" in change) this.#boxes.set(change.box.id, change.box);
    else if ("close" in change) this.#closeBox(change.close);
    else if ("forget" in change) this.#forget(change.forget.box, change.forget.seq);
    else if ("move" in change) this.#put(change.move, this.body(change.move.box, change.move.seq));
    else if ("settle" in change) this.#put(change.settle, undefined);
    else {
      const { put, body } = change;
      this.#put(put, body ?? this.#mail.get(put.box)?.get(put.seq)?.body);
    }
  }

  #put(row: MailRow, body: Uint8Array | undefined): void {
    this.#forget(row.box, row.seq);
    let mail = this.#mail.get(row.box);
    if (mail === undefined) this.#mail.set(row.box, (mail = new BySeq()));
    mail.set(row.seq, { row, body });
    const key = saidWords(row.sender, row.messageId);
    const said = this.#said.get(key);
    if (said === undefined) this.#said.set(key, new Set([row]));
    else said.add(row);
    this.#earliest = Math.min(this.#earliest, dueAt(row) ?? Infinity);
  }

  #forget(box: number, seq: number): void {
    const mail = this.#mail.get(box);
    const row = mail?.get(seq)?.row;
    if (mail === undefined || row === undefined) return;
    mail.delete(seq);
    if (mail.size === 0) this.#mail.delete(box);
    const key = saidWords(row.sender, row.messageId);
    const said = this.#said.get(key);
    said?.delete(row);
    if (said?.size === 0) this.#said.delete(key);
  }

  #closeBox(box: number): void {
    this.#boxes.delete(box);
    for (const [seq] of [...(this.#mail.get(box)?.entries() ?? [])]) this.#forget(box, seq);
  }
}

import { statSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../core/index.js";
// Not by the index: its types would reach the package's own, and need those of lmdb.
import { openLmdb, orFault, reasonOf, type LmdbFolder, type OpenLmdb } from "../storage/lmdb-folder.js";
import { keepSecret } from "./mail-secret.js";
import { byTime, dueAt, type Due } from "./mail-due.js";
import { databases, MailFile } from "./mail-file.js";
import type { MailGroup, MailPending } from "./mail-group.js";
import type { BoxRow, MailRow } from "./mail-row.js";
import type { MailChange, MailStore, SaidLast, Written } from "./mail-store.js";
import { MailWriter } from "./mail-writer.js";

/** Rows and boxes that are read from disk at a time. */
const readAtOnce = 128;

/** Where the mailboxes lie, and who is told what fails. */
export interface MailStoreLmdbOptions {
  /** The folder of the database; made if it is not there, mode 0700. */
  readonly path: string;
  /** Called when a change could not be kept because the disk is full or failed. For the log. */
  readonly failed: (error: unknown) => void;
}

/**
 * Mailboxes on disk (lmdb). Nothing of a message is in memory but while it is on its way: what is read comes from the
 * disk, covered by the groups that are written or wait for it, the latest first.
 */
export class MailStoreLmdb implements MailStore {
  readonly #options: MailStoreLmdbOptions;
  #writer: MailWriter;
  #opened: (OpenLmdb & { readonly file: MailFile }) | undefined;
  #syncs = 0;
  /** What the file had changed last when a group began to be written. */
  #changeBefore = 0;

  constructor(options: MailStoreLmdbOptions) {
    this.#options = options;
    this.#writer = this.#newWriter();
  }

  #newWriter(): MailWriter {
    return new MailWriter({
      write: (group) => this.#write(group),
      isCommitted: () => (this.#opened?.file.lastChange ?? 0) > this.#changeBefore,
      failed: this.#options.failed,
    });
  }

  open(): void {
    const folder = this.#folder;
    this.#writer = this.#newWriter();
    const opened = openLmdb(folder);
    this.#opened = orFault(folder, folder.what, () => {
      const written = opened.space.take(0, databases.length);
      try {
        const file = new MailFile(opened.root, folder.remedy);
        keepSecret(folder.path, file.secret);
        return { ...opened, file };
      } finally {
        written();
      }
    });
  }

  get #folder(): LmdbFolder {
    const { path } = this.#options;
    return {
      path,
      what: "the mailboxes",
      maxDbs: databases.length,
      remedy:
        `run broker mailbox salvage, which reads what can be read, put a copy of the folder ${path} back, ` +
        "or move it away to start without any mailbox",
    };
  }

  get epoch(): string {
    if (this.#opened === undefined) throw new Fault("unavailable", "the mailboxes are not open");
    return this.#opened.file.epoch;
  }

  get syncs(): number {
    return this.#syncs;
  }

  get diskBytes(): number {
    return statSync(join(this.#options.path, "data.mdb"), { throwIfNoEntry: false })?.size ?? 0;
  }

  async close(): Promise<void> {
    await this.#writer.close();
    const opened = this.#opened;
    this.#opened = undefined;
    await opened?.root.close();
    opened?.space.close();
  }

  *boxes(): Iterable<BoxRow> {
    const early = new Set(this.#writer.groups.flatMap((group) => [...group.boxes.keys()]));
    for (const id of early) {
      const box = this.#box(id);
      if (box !== undefined) yield box;
    }
    const onDisk = this.#inOrder(
      (from) => this.#opened?.file.boxes(from, readAtOnce),
      (box) => box.id,
    );
    for (let found = onDisk(0); found !== undefined; found = onDisk(found.id + 1)) {
      const box = this.#covering((group) => group.box(found.id)) ?? found;
      if (box !== "gone" && !early.has(box.id)) yield box;
    }
  }

  #box(id: number): BoxRow | undefined {
    const box = this.#covering((group) => group.box(id)) ?? this.#opened?.file.boxes(id, 1)[0];
    return box === "gone" || box?.id !== id ? undefined : box;
  }

  *rows(box: number, seq: number): Iterable<MailRow> {
    const onDisk = this.#inOrder(
      (from) => this.#opened?.file.rows(box, from, readAtOnce),
      (row) => row.seq,
    );
    for (let from = seq; ; from += 1) {
      const found = onDisk(from);
      from = Math.min(
        found?.seq ?? Infinity,
        ...this.#writer.groups.map((group) => group.rows.get(box)?.firstFrom(from) ?? Infinity),
      );
      if (from === Infinity) return;
      const row = this.#pending(box, from)?.row ?? (found?.seq === from ? found : undefined);
      if (row !== undefined && row !== "gone") yield row;
    }
  }

  /**
   * Reads in order, many at a time, anew after each group that came to the disk.
   * @returns the first of a number or a higher one
   */
  #inOrder<T>(
    read: (from: number) => readonly T[] | undefined,
    numberOf: (one: T) => number,
  ): (from: number) => T | undefined {
    let found: readonly T[] = [];
    let at = 0;
    let ended = -1;
    return (from) => {
      while (at < found.length && numberOf(found[at] as T) < from) at += 1;
      if (at === found.length || ended !== this.#writer.ended) {
        ended = this.#writer.ended;
        found = read(from) ?? [];
        at = 0;
      }
      return found[at];
    };
  }

  row(box: number, seq: number): MailRow | undefined {
    const row = this.#pending(box, seq)?.row ?? this.#opened?.file.row(box, seq);
    return row === "gone" ? undefined : row;
  }

  body(box: number, seq: number): Uint8Array | undefined {
    const body = this.#covering((group) => {
      const pending = group.row(box, seq)?.body;
      if (pending === "same") return group.closed.has(box) ? "gone" : undefined;
      return pending;
    });
    return body === "gone" ? undefined : (body ?? this.#opened?.file.body(box, seq));
  }

  #pending(box: number, seq: number): MailPending | undefined {
    return this.#covering((group) => group.row(box, seq));
  }

  /** What the latest group says that says anything. */
  #covering<T>(look: (group: MailGroup) => T | undefined): T | undefined {
    const { groups } = this.#writer;
    for (let at = groups.length - 1; at >= 0; at -= 1) {
      const group = groups[at];
      const found = group && look(group);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  said(sender: string, messageId: string, last?: SaidLast): Iterable<MailRow> {
    const all = this.#writer.groups.flatMap((group) => group.said(sender, messageId));
    const pending = last?.box === undefined ? all : all.filter(({ box }) => box === last.box);
    const places = [
      ...(last === undefined ? pending : pending.slice(-last.max)),
      ...(this.#opened?.file.said(sender, messageId, last) ?? []),
    ];
    const found = new Map<string, MailRow>();
    for (const { box, seq } of places) {
      const row = this.row(box, seq);
      if (row?.sender === sender && row.messageId === messageId) found.set(`${String(box)}/${String(seq)}`, row);
    }
    return found.values();
  }

  due(now: number, max: number): readonly MailRow[] {
    const due: Due[] = [];
    if (this.#opened === undefined || max <= 0) return [];
    for (const { box, seq } of this.#opened.file.due(now)) {
      if (this.#pending(box, seq) !== undefined) continue;
      const row = this.#readable(box, seq);
      const at = row && dueAt(row);
      if (row !== undefined && at !== undefined && due.push({ at, row }) === max) break;
    }
    for (const group of this.#writer.groups) due.push(...this.#dueIn(group, now));
    return due
      .sort(byTime)
      .slice(0, max)
      .map(({ row }) => row);
  }

  /** A row on disk; undefined also if it is damaged: whoever reads its box is told. */
  #readable(box: number, seq: number): MailRow | undefined {
    try {
      return this.#opened?.file.row(box, seq);
    } catch {
      return undefined;
    }
  }

  /** What is due of a group, and not changed by a later one. */
  *#dueIn(group: MailGroup, now: number): Iterable<Due> {
    for (const [box, rows] of group.rows) {
      for (const [seq, { row }] of rows.entries()) {
        const at = row === "gone" ? undefined : dueAt(row);
        if (row !== "gone" && at !== undefined && at <= now && this.#pending(box, seq)?.row === row) yield { at, row };
      }
    }
  }

  write(changes: readonly MailChange[]): Written {
    return this.#writer.write(changes);
  }

  async #write(group: MailGroup): Promise<void> {
    const opened = this.#opened;
    if (opened === undefined) throw new Fault("unavailable", "the mailboxes are not open");
    if (group.size === 0) return; // somebody waits for those before it
    this.#changeBefore = opened.file.lastChange;
    const entries = opened.file.entriesOf(group);
    const bytes = entries.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0);
    const written = opened.space.take(bytes, entries.length);
    try {
      await opened.file.write(entries);
      this.#syncs += 1;
    } catch (error) {
      throw await reasonOf(error);
    } finally {
      written();
    }
  }
}

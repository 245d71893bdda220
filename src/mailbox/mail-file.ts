import type { Database, RootDatabase } from "lmdb";
import { randomBytes } from "node:crypto";
import { Fault } from "../core/index.js";
import { MailEncoding } from "./mail-encoding.js";
import { dueAt } from "./mail-due.js";
import { secretForm } from "./mail-secret.js";
import type { MailGroup, MailPending } from "./mail-group.js";
import { boxKey, dueKey, placeOf, rowKey, saidKey, saidRange, type MailPlace } from "./mail-keys.js";
import type { BoxRow, MailRow } from "./mail-row.js";
import type { SaidLast } from "./mail-store.js";

/** Bytes as values under bytes as keys. */
export type Bytes = Database<Buffer, Buffer>;

/** What lmdb holds by name, and the entry that says that it is a store of mail. */
export const databases = ["about", "boxes", "rows", "bodies", "said", "due"] as const;
/** The way in which all of it is written. */
const version = 1;
const versionKey = Buffer.from("version");
/** Under which the epoch is found. */
export const epochKey = Buffer.from("epoch");
/** In the place of an epoch: this is a copy, which gets one of its own when it is opened. */
export const epochOfCopy = Buffer.from("of a copy");
/** Under which the secret of the seals is found. */
export const secretKey = Buffer.from("secret");
const boxEnd = 2 ** 32 - 1;
const seqEnd = 2 ** 48 - 1;
const nothing = Buffer.alloc(0);

/** An entry as it is to be; without a value it goes. */
export interface MailEntry {
  readonly database: Bytes;
  readonly key: Buffer;
  readonly value?: Buffer | undefined;
}

/** What is on disk: rows, boxes and bodies under their keys, and both indices. */
export class MailFile {
  readonly epoch: string;
  /** By which the seals of this store are its own, hex. */
  readonly secret: string;
  readonly #encoding: MailEncoding;
  readonly #root: RootDatabase;
  readonly #databases: Readonly<Record<(typeof databases)[number], Bytes>>;
  readonly #remedy: string;

  /** @throws Fault unavailable: it is another program's, or a newer version's, or a value is damaged */
  constructor(root: RootDatabase, remedy: string) {
    this.#root = root;
    this.#remedy = remedy;
    const names = [...root.getKeys({})].map(String);
    if (names.length > 0 && !names.includes("about"))
      throw new Fault("unavailable", `the file is not one of mailboxes, but has ${names.join(", ")}; ${remedy}`);
    const open = (name: string): Bytes => root.openDB({ name, keyEncoding: "binary", encoding: "binary" });
    this.#databases = {
      about: open("about"),
      boxes: open("boxes"),
      rows: open("rows"),
      bodies: open("bodies"),
      said: open("said"),
      due: open("due"),
    };
    this.#mustBeOurs();
    this.#leaveOriginal();
    this.epoch = this.#told(epochKey, /^[0-9a-f]{16}$/);
    this.secret = this.#told(secretKey, secretForm);
    this.#encoding = new MailEncoding(parseInt(this.secret, 16));
  }

  /** What is empty becomes a store of mail. */
  #mustBeOurs(): void {
    const { about } = this.#databases;
    const found = about.get(versionKey)?.toString();
    if (found === undefined) {
      about.transactionSync(() => {
        about.putSync(versionKey, Buffer.from(String(version)));
        about.putSync(epochKey, Buffer.from(randomBytes(8).toString("hex")));
        about.putSync(secretKey, Buffer.from(randomBytes(4).toString("hex")));
      });
    } else if (found !== String(version))
      throw new Fault("unavailable", `the mailboxes are written in the way ${found}: start the version that did it`);
  }

  /** A copy goes its own way: what was read from its original says nothing about it. */
  #leaveOriginal(): void {
    const { about } = this.#databases;
    if (about.get(epochKey)?.equals(epochOfCopy) !== true) return;
    about.transactionSync(() => {
      about.putSync(epochKey, Buffer.from(randomBytes(8).toString("hex")));
    });
  }

  #told(key: Buffer, form: RegExp): string {
    const found = this.#databases.about.get(key)?.toString() ?? "";
    if (!form.test(found)) throw this.#damaged(`the entry ${key.toString()}`);
    return found;
  }

  /** Boxes from this number on, in order of their numbers, so many at most. @throws Fault unavailable: one is damaged */
  boxes(from: number, max: number): readonly BoxRow[] {
    if (from > boxEnd) return [];
    return [...this.#databases.boxes.getRange({ start: boxKey(from), limit: max })].map(({ key, value }) => {
      const id = key.readUInt32BE(0);
      return this.#encoding.unpackBox(value, id) ?? this.#broken(`box ${String(id)}`);
    });
  }

  hasBox(id: number): boolean {
    return this.#databases.boxes.doesExist(boxKey(id));
  }

  /** Rows of a box from this sequence on, in order, so many at most. @throws Fault unavailable: one is damaged */
  rows(box: number, from: number, max: number): readonly MailRow[] {
    const range = { start: rowKey(box, from), end: rowKey(box, seqEnd), limit: max };
    return [...this.#databases.rows.getRange(range)].map(({ key, value }) => {
      const { seq } = placeOf(key);
      return this.#encoding.unpackRow(value, box, seq) ?? this.#broken(rowWords(box, seq));
    });
  }

  /** @throws Fault unavailable: it is damaged */
  row(box: number, seq: number): MailRow | undefined {
    const value = this.#databases.rows.get(rowKey(box, seq));
    return value === undefined
      ? undefined
      : (this.#encoding.unpackRow(value, box, seq) ?? this.#broken(rowWords(box, seq)));
  }

  /** @throws Fault unavailable: it is damaged */
  body(box: number, seq: number): Buffer | undefined {
    const value = this.#databases.bodies.get(rowKey(box, seq));
    if (value === undefined) return undefined;
    return this.#encoding.unpackBody(value, box, seq) ?? this.#broken(`the body of ${rowWords(box, seq)}`);
  }

  /** Where rows of this sender with this id may be. */
  said(sender: string, messageId: string, last?: SaidLast): readonly MailPlace[] {
    const [start, end] =
      last?.box === undefined
        ? saidRange(sender, messageId)
        : [saidKey(sender, messageId, last.box, 0), saidKey(sender, messageId, last.box, seqEnd)];
    const range = last === undefined ? { start, end } : { start: end, end: start, reverse: true, limit: last.max };
    return [...this.#databases.said.getKeys(range)].map(placeOf);
  }

  /** Rows that are due until `now`, in order of that time. */
  *due(now: number): Iterable<MailPlace> {
    for (const key of this.#databases.due.getKeys({ end: dueKey(now + 1, 0, 0) })) yield placeOf(key);
  }

  /** What is to be written, so that the disk is as a group says. */
  entriesOf(group: MailGroup): readonly MailEntry[] {
    return [...this.#changedBy(group)];
  }

  /** Writes entries as one: all of them, or nothing. Rejected with what lmdb says. */
  async write(entries: readonly MailEntry[]): Promise<void> {
    // Only what cannot throw: lmdb commits the part of a batch that came before an error.
    await this.#root.batch(() => {
      for (const { database, key, value } of entries)
        void (value === undefined ? database.remove(key) : database.put(key, value));
    });
    await this.#root.flushed;
  }

  /** Of the last change that reading finds. It rises before `write` resolves, which is on the disk then. */
  get lastChange(): number {
    this.#root.resetReadTxn();
    return (this.#root.getStats() as { readonly lastTxnId: number }).lastTxnId; // its types say any
  }

  *#changedBy(group: MailGroup): Iterable<MailEntry> {
    const { boxes } = this.#databases;
    for (const box of group.closed) yield* this.#closed(box);
    for (const box of group.boxes.values())
      yield { database: boxes, key: boxKey(box.id), value: this.#encoding.packBox(box) };
    for (const [box, rows] of group.rows) {
      const isNew = group.closed.has(box);
      for (const [seq, pending] of rows.entries())
        yield* this.#changed(box, seq, isNew ? undefined : this.#before(box, seq), pending);
    }
  }

  *#closed(box: number): Iterable<MailEntry> {
    const { boxes, rows, bodies } = this.#databases;
    yield { database: boxes, key: boxKey(box) };
    for (const key of [...rows.getKeys(this.#allOf(box))]) {
      const { seq } = placeOf(key);
      yield* this.#changed(box, seq, this.#before(box, seq), { row: "gone", body: "gone" });
      yield { database: rows, key };
      yield { database: bodies, key };
    }
  }

  #allOf(box: number): { readonly start: Buffer; readonly end: Buffer } {
    return { start: rowKey(box, 0), end: rowKey(box, seqEnd) };
  }

  /** A row that is changed now. A damaged one is written over; what the indices have of it leads nowhere. */
  #before(box: number, seq: number): MailRow | undefined {
    const value = this.#databases.rows.get(rowKey(box, seq));
    return value === undefined ? undefined : this.#encoding.unpackRow(value, box, seq);
  }

  /** One row: what of it has changed since it was as `before`. */
  *#changed(box: number, seq: number, before: MailRow | undefined, { row, body }: MailPending): Iterable<MailEntry> {
    const { rows, bodies, said, due } = this.#databases;
    const key = rowKey(box, seq);
    const after = row === "gone" ? undefined : row;
    if (after !== undefined || before !== undefined)
      yield { database: rows, key, value: after && this.#encoding.packRow(after) };
    if (body === "gone") {
      if (before !== undefined) yield { database: bodies, key };
    } else if (body !== "same") yield { database: bodies, key, value: this.#encoding.packBody(body, box, seq) };
    yield* moved(said, saidKeyOf(before), saidKeyOf(after));
    yield* moved(due, dueKeyOf(before), dueKeyOf(after));
  }

  #broken(what: string): never {
    throw this.#damaged(what);
  }

  #damaged(what: string): Fault {
    return new Fault("unavailable", `${what} is damaged on disk; ${this.#remedy}`);
  }
}

function rowWords(box: number, seq: number): string {
  return `message ${String(seq)} of box ${String(box)}`;
}

function saidKeyOf(row: MailRow | undefined): Buffer | undefined {
  return row && saidKey(row.sender, row.messageId, row.box, row.seq);
}

function dueKeyOf(row: MailRow | undefined): Buffer | undefined {
  const at = row && dueAt(row);
  return at === undefined || row === undefined ? undefined : dueKey(at, row.box, row.seq);
}

/** An entry of an index is elsewhere now. */
function* moved(database: Bytes, from: Buffer | undefined, to: Buffer | undefined): Iterable<MailEntry> {
  if (from !== undefined && to !== undefined && from.equals(to)) return;
  if (from !== undefined) yield { database, key: from };
  if (to !== undefined) yield { database, key: to, value: nothing };
}

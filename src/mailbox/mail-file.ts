import type { Database, RootDatabase } from "lmdb";
import { randomBytes } from "node:crypto";
import { Fault } from "../core/index.js";
import { MailEncoding } from "./mail-encoding.js";
import { dueAt } from "./mail-due.js";
import { secretForm } from "./mail-secret.js";
import type { MailGroup, MailPending } from "./mail-group.js";
import { boxKey, dueKey, placeOf, rowKey, saidKey, saidRange, type MailPlace } from "./mail-keys.js";
import { moved, type BoxRow, type MailRow } from "./mail-row.js";
import type { SaidLast } from "./mail-store.js";

/** Bytes as values under bytes as keys. */
export type Bytes = Database<Buffer, Buffer>;

/** What lmdb holds by name, and the entry that says that it is a store of mail. */
export const databases = ["about", "boxes", "rows", "turns", "bodies", "said", "due"] as const;
/** The way in which all of it is written. */
const version = 2;
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
/** Bytes of a message whose body lies with its row. */
const withRowMax = 2_000;

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
      turns: open("turns"),
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
      throw new Fault(
        "unavailable",
        `the mailboxes are written in form ${found}, and this version reads form ${String(version)}: start the ` +
          "version of the broker that wrote them, or move their folder away to start without any mailbox",
      );
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
      return this.#turned(this.#encoding.unpackRow(value, box, seq) ?? this.#broken(rowWords(box, seq)), key);
    });
  }

  /** @throws Fault unavailable: it is damaged */
  row(box: number, seq: number): MailRow | undefined {
    const key = rowKey(box, seq);
    const value = this.#databases.rows.getBinaryFast(key);
    if (value === undefined) return undefined;
    return this.#turned(this.#encoding.unpackRow(value, box, seq) ?? this.#broken(rowWords(box, seq)), key);
  }

  /** The row as it waits now. @throws Fault unavailable: that is damaged */
  #turned(row: MailRow, key: Buffer): MailRow {
    const turn = isOpen(row) ? this.#databases.turns.getBinaryFast(key) : undefined;
    if (turn === undefined) return row;
    return this.#encoding.unpackTurn(turn, row) ?? this.#broken(`how ${rowWords(row.box, row.seq)} waits`);
  }

  /** @throws Fault unavailable: it is damaged */
  body(box: number, seq: number): Buffer | undefined {
    const { rows, bodies } = this.#databases;
    const key = rowKey(box, seq);
    const value = rows.getBinaryFast(key);
    if (value === undefined) return undefined;
    const body = this.#encoding.bodyWith(value, box, seq) ?? this.#broken(`the body of ${rowWords(box, seq)}`);
    if (body !== "apart") return body;
    const apart = bodies.get(key);
    if (apart === undefined) return undefined;
    return this.#encoding.unpackBody(apart, box, seq) ?? this.#broken(`the body of ${rowWords(box, seq)}`);
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
    const entries: MailEntry[] = [];
    const { boxes } = this.#databases;
    for (const box of group.closed) this.#closed(box, entries);
    for (const box of group.boxes.values())
      entries.push({ database: boxes, key: boxKey(box.id), value: this.#encoding.packBox(box) });
    for (const [box, rows] of group.rows) {
      const isNew = group.closed.has(box);
      for (const [seq, pending] of rows.entries())
        this.#changed(box, seq, isNew ? { ...pending, before: null, isMove: false } : pending, entries);
    }
    return entries;
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

  #closed(box: number, entries: MailEntry[]): void {
    entries.push({ database: this.#databases.boxes, key: boxKey(box) });
    const range = { start: rowKey(box, 0), end: rowKey(box, seqEnd) };
    for (const database of [this.#databases.turns, this.#databases.bodies])
      for (const key of database.getKeys(range)) entries.push({ database, key });
    for (const key of [...this.#databases.rows.getKeys(range)]) {
      const { seq } = placeOf(key);
      const before = this.#before(box, seq);
      if (before !== null) this.#index(before, undefined, entries);
      entries.push({ database: this.#databases.rows, key });
    }
  }

  /** A row that is changed now. A damaged one is written over; what the indices have of it leads nowhere. */
  #before(box: number, seq: number): MailRow | null {
    const key = rowKey(box, seq);
    const value = this.#databases.rows.getBinaryFast(key);
    const row = value === undefined ? undefined : this.#encoding.unpackRow(value, box, seq);
    if (row === undefined) return null;
    const turn = isOpen(row) ? this.#databases.turns.getBinaryFast(key) : undefined;
    return (turn && this.#encoding.unpackTurn(turn, row)) ?? row;
  }

  /** One row: what of it is otherwise than before. */
  #changed(box: number, seq: number, { row, body, isMove, ...pending }: MailPending, entries: MailEntry[]): void {
    const { rows, turns, bodies } = this.#databases;
    const key = rowKey(box, seq);
    if (isMove && row !== "gone") {
      entries.push({ database: turns, key, value: hasTurn(row) ? this.#encoding.packTurn(row) : undefined });
      return;
    }
    const before = pending.before === undefined ? this.#before(box, seq) : pending.before;
    const after = row === "gone" ? undefined : row;
    if (before === null && after === undefined) return;
    const bytes = body === "same" && after !== undefined ? this.#bodyBefore(before, after) : body;
    const isWith = after !== undefined && !isApart(after);
    const isBytes = bytes !== "gone" && bytes !== "same";
    const value = after && this.#encoding.packRow(asItCame(after), isWith && isBytes ? bytes : undefined);
    entries.push({ database: rows, key, value });
    if (!isWith && isBytes) entries.push({ database: bodies, key, value: this.#encoding.packBody(bytes, box, seq) });
    else if (before !== null && isApart(before) && bytes !== "same") entries.push({ database: bodies, key });
    if (after !== undefined && hasTurn(after))
      entries.push({ database: turns, key, value: this.#encoding.packTurn(after) });
    else if (before !== null && hasTurn(before)) entries.push({ database: turns, key });
    this.#index(before ?? undefined, after, entries);
  }

  /** The body of a row that stays: `same` if it stays where it is, too. */
  #bodyBefore(before: MailRow | null, after: MailRow): Uint8Array | "gone" | "same" {
    if (before !== null && isApart(before) && isApart(after)) return "same";
    return (before && this.#wholeBody(before)) ?? "gone";
  }

  /** One that is damaged is lost. */
  #wholeBody({ box, seq }: MailRow): Buffer | undefined {
    const key = rowKey(box, seq);
    const value = this.#databases.rows.getBinaryFast(key);
    const body = value && this.#encoding.bodyWith(value, box, seq);
    if (body !== "apart") return body;
    const apart = this.#databases.bodies.get(key);
    return apart && this.#encoding.unpackBody(apart, box, seq);
  }

  #index(before: MailRow | undefined, after: MailRow | undefined, entries: MailEntry[]): void {
    const { said, due } = this.#databases;
    const isSame = before?.sender === after?.sender && before?.messageId === after?.messageId;
    if (!isSame || before === undefined) move(entries, said, before && saidKeyOf(before), after && saidKeyOf(after));
    const [was, is] = [before && dueAt(before), after && dueAt(after)];
    if (was !== is) move(entries, due, before && dueKeyOf(before, was), after && dueKeyOf(after, is));
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

function saidKeyOf(row: MailRow): Buffer {
  return saidKey(row.sender, row.messageId, row.box, row.seq);
}

function dueKeyOf({ box, seq }: MailRow, at: number | undefined): Buffer | undefined {
  return at === undefined ? undefined : dueKey(at, box, seq);
}

/** An entry of an index is elsewhere now. */
function move(entries: MailEntry[], database: Bytes, from: Buffer | undefined, to: Buffer | undefined): void {
  if (from !== undefined) entries.push({ database, key: from });
  if (to !== undefined) entries.push({ database, key: to, value: nothing });
}

function isOpen({ state }: MailRow): boolean {
  return state === "waiting" || state === "leased";
}

/** True if the body does not lie with its row: lmdb would give both pages of their own. */
function isApart({ bytes }: MailRow): boolean {
  return bytes > withRowMax;
}

/** True if the row waits otherwise than it came: how is written beside it. */
function hasTurn(row: MailRow): boolean {
  return isOpen(row) && (row.state === "leased" || row.attempts > 0 || row.leaseMs !== undefined);
}

/** An open row as it is written: how it waits stands beside it, which changes more often. */
function asItCame(row: MailRow): MailRow {
  return hasTurn(row) ? moved(row, { state: "waiting", attempts: 0 }) : row;
}

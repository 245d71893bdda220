import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../core/index.js";
import { LmdbRemains, type Remnant } from "../storage/index.js";
import { MailEncoding } from "./mail-encoding.js";
import { secretKey } from "./mail-file.js";
import { boxKey, placeOf, rowKey } from "./mail-keys.js";
import type { BoxRow, MailCounts, MailRow } from "./mail-row.js";
import { keptSecret, secretForm } from "./mail-secret.js";
import { MailStoreLmdb } from "./mail-store-lmdb.js";
import type { MailChange, MailStore } from "./mail-store.js";

/** Changes that are written together, and bytes of their bodies. */
const atOnce = 500;
const bytesAtOnce = 4 * 1024 * 1024;

/** How much of something is in the new store, and how much is known to be missing. */
export interface Salvaged {
  readonly saved: number;
  readonly lost: number;
}

/** What came out of a damaged store. */
export interface SalvageReport {
  /** Lost: those of which there are messages only. Whose they are is not known, so their messages are lost, too. */
  readonly boxes: Salvaged;
  /** Lost: as many as the boxes counted and are not there. */
  readonly rows: Salvaged;
  /** Lost: those of messages that wait or are leased. The message is dead then, reason `damaged`. */
  readonly bodies: Salvaged;
}

/**
 * Reads what can be read of a damaged store into a fresh one, with a new epoch and with counts of what is there. lmdb
 * is not asked: every page is looked at by itself. The damaged store stays as it is; no broker may use it meanwhile.
 * Where the list of free pages is damaged, too, messages that were settled and forgotten may be found again.
 * @param from the folder of the damaged store
 * @param to the folder of the fresh one: empty, or not there
 * @throws Fault unavailable: nothing can be read, or the fresh one cannot be written
 */
export async function salvageMail(from: string, to: string): Promise<SalvageReport> {
  const file = join(from, "data.mdb");
  if (!existsSync(file)) throw new Fault("unavailable", `there is no ${file}: name the folder of the mailboxes`);
  if (existsSync(to) && readdirSync(to).length > 0)
    throw new Fault("unavailable", `${to} is not empty: name a folder that is, or that is not there`);
  const remains = new LmdbRemains(file);
  let failure: unknown;
  const store = new MailStoreLmdb({ path: to, failed: (error) => (failure ??= error) });
  try {
    const encoding = new MailEncoding(parseInt(secretOf(from, remains), 16));
    store.open();
    return await new Salvage(remains, encoding, store).run();
  } finally {
    remains.close();
    await store.close();
  }
}

/** By which entries of the store are told from what messages say. @throws Fault unavailable: it is lost */
function secretOf(folder: string, remains: LmdbRemains): string {
  const kept = keptSecret(folder);
  if (kept !== undefined) return kept;
  for (const { key, value, isOld } of remains.entries())
    if (!isOld && key.equals(secretKey) && secretForm.test(value.toString())) return value.toString();
  throw new Fault(
    "unavailable",
    `nothing of the mailboxes in ${folder} can be read: put a copy of the folder back, or of its file "seal"`,
  );
}

/** One run over a damaged file. */
class Salvage {
  readonly #remains: LmdbRemains;
  readonly #encoding: MailEncoding;
  readonly #store: MailStore;
  // bound: boxes of the store · evicts: goes with the run · owner: Salvage
  readonly #boxes = new Map<number, { readonly box: BoxRow; readonly transaction: number; readonly isOld: boolean }>();
  // bound: boxes of the store · evicts: goes with the run · owner: Salvage
  readonly #lostBoxes = new Set<number>();
  // bound: messages of the store · evicts: goes with the run · owner: Salvage
  readonly #versions = new Map<string, number>();
  #lostRows = 0;
  #waiting: MailChange[] = [];
  #waitingBytes = 0;

  constructor(remains: LmdbRemains, encoding: MailEncoding, store: MailStore) {
    this.#remains = remains;
    this.#encoding = encoding;
    this.#store = store;
  }

  async run(): Promise<SalvageReport> {
    for (const remnant of this.#remains.entries()) this.#findBox(remnant);
    for (const remnant of this.#remains.entries()) if (!remnant.isOld) await this.#findRow(remnant);
    await this.#write();
    for (const remnant of this.#remains.entries()) if (!remnant.isOld) await this.#findMore(remnant);
    await this.#write();
    return this.#count();
  }

  /** Of a box an old row is better than none: its counts are made anew. */
  #findBox({ key, value, transaction, isOld }: Remnant): void {
    if (key.length !== boxKey(0).length) return;
    const box = this.#encoding.unpackBox(value, key.readUInt32BE(0));
    if (box === undefined) return;
    const found = this.#boxes.get(box.id);
    const isBetter = found === undefined || (found.isOld === isOld ? found.transaction < transaction : found.isOld);
    if (isBetter) this.#boxes.set(box.id, { box, transaction, isOld });
  }

  async #findRow({ key, value, transaction }: Remnant): Promise<void> {
    if (key.length !== rowKey(0, 0).length) return;
    const { box, seq } = placeOf(key);
    const row = this.#encoding.unpackRow(value, box, seq);
    if (row === undefined || !this.#isNewer(`row ${key.toString("hex")}`, transaction)) return;
    const body = hasBody(row) ? this.#encoding.bodyWith(value, box, seq) : undefined;
    const change = hasBody(row) ? { put: row, ...(body instanceof Buffer && { body }) } : { settle: row };
    if (this.#boxes.has(box)) await this.#add(change);
    else {
      this.#lostBoxes.add(box);
      this.#lostRows += 1;
    }
  }

  /** What lies apart from the row: a body, or how it waits. */
  async #findMore({ key, value, transaction }: Remnant): Promise<void> {
    if (key.length !== rowKey(0, 0).length) return;
    const { box, seq } = placeOf(key);
    const body = this.#encoding.unpackBody(value, box, seq);
    const row = body !== undefined || this.#encoding.maybeTurn(value) ? this.#store.row(box, seq) : undefined;
    if (row === undefined || !hasBody(row)) return;
    const turned = isOpen(row) ? this.#encoding.unpackTurn(value, row) : undefined;
    if (body !== undefined && this.#isNewer(`body ${key.toString("hex")}`, transaction))
      await this.#add({ put: row, body });
    else if (turned !== undefined && this.#isNewer(`turn ${key.toString("hex")}`, transaction))
      await this.#add({ move: turned });
  }

  #isNewer(what: string, transaction: number): boolean {
    if ((this.#versions.get(what) ?? -1) >= transaction) return false;
    this.#versions.set(what, transaction);
    return true;
  }

  /** Recounts the boxes. An old one without messages was closed since. */
  async #count(): Promise<SalvageReport> {
    const [boxes, rows, bodies] = [
      { saved: 0, lost: this.#lostBoxes.size },
      { saved: 0, lost: this.#lostRows },
      nothing(),
    ];
    for (const { box, isOld } of this.#boxes.values()) {
      const counts = { ...noMail };
      let last = 0;
      for (const found of this.#store.rows(box.id, 0)) {
        const isWhole = this.#store.body(box.id, found.seq) !== undefined;
        const isLost = !isWhole && isOpen(found);
        const row: MailRow = isLost ? { ...found, state: "dead", reason: "damaged", goesAt: found.until } : found;
        if (isLost) await this.#add({ put: row });
        if (isLost) bodies.lost += 1;
        if (isWhole) bodies.saved += 1;
        count(counts, row);
        last = row.seq;
      }
      if (isOld && counts.stored === 0) continue;
      boxes.saved += 1;
      rows.saved += counts.stored;
      rows.lost += Math.max(0, box.counts.stored - counts.stored);
      await this.#add({ box: { ...box, counts, nextSeq: Math.max(box.nextSeq, last + 1) } });
    }
    await this.#write();
    return { boxes, rows, bodies };
  }

  async #add(change: MailChange): Promise<void> {
    if ("put" in change) this.#waitingBytes += change.body?.length ?? 0;
    if (this.#waiting.push(change) >= atOnce || this.#waitingBytes > bytesAtOnce) await this.#write();
  }

  async #write(): Promise<void> {
    const changes = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    await this.#store.write(changes).kept;
  }
}

type Counting = { -readonly [Field in keyof MailCounts]: number };

const noMail: MailCounts = {
  ...{ stored: 0, waiting: 0, leased: 0, done: 0, answered: 0, refused: 0, expired: 0, dead: 0 },
  ...{ bytes: 0, deadBytes: 0 },
};

function nothing(): { saved: number; lost: number } {
  return { saved: 0, lost: 0 };
}

/** Its body is kept: it is to be delivered yet, or can be read. */
function hasBody(row: MailRow): boolean {
  return isOpen(row) || row.state === "dead";
}

/** It is to be delivered yet. */
function isOpen({ state }: MailRow): boolean {
  return state === "waiting" || state === "leased";
}

function count(counts: Counting, row: MailRow): void {
  counts.stored += 1;
  counts[row.state] += 1;
  if (isOpen(row)) counts.bytes += row.bytes;
  if (row.state === "dead") counts.deadBytes += row.bytes;
}

import { countsOf, type MailCounts, type BoxRow, type MailRow } from "./mail-row.js";
import { AskedRequests } from "./asked-requests.js";
import { Entry } from "./entry.js";
import { SenderShares } from "./sender-shares.js";

/** Who is told of what all boxes hold together. */
export interface BoxAccount {
  /** By how many bytes what waits in a box, and what is dead there, has changed. */
  grows(box: Box, bytes: number, deadBytes: number): void;
  /** An agent begins, or ends, to wait for answers out of one box. */
  readonly waits: (asker: string, isWaiting: boolean) => void;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** States whose bytes count against the box. */
const isOpen = (state: MailRow["state"]): boolean => state === "waiting" || state === "leased";

/**
 * What is in one mailbox: its entries in order of arrival, its exact counts, and whose share they are. It decides
 * nothing and writes nothing.
 */
export class Box {
  readonly id: number;
  readonly name: string;
  #shares: SenderShares | undefined;
  #asked: AskedRequests | undefined;
  readonly #account: BoxAccount;
  /** Entries in order of arrival; those that are settled are left out when half of them are. */
  #entries: Entry[] = [];
  #settled = 0;
  /** The first entry that may not be settled. */
  #head = 0;
  /** Everything up to this is committed: a killed process cannot lose it. */
  committedSeq = 0;
  /** Everything up to this is on the disk. */
  keptSeq = 0;
  /** Dead ones that can be read, in the order in which they died. */
  // bound: mailMax, mailMaxBytes · evicts: the oldest · owner: Box
  readonly #dead: Pick<MailRow, "seq" | "bytes">[] = [];
  /** Entries of each priority. */
  #priorities: [number, number, number] | undefined;
  /** Rows on disk, settled ones included; the lowest sequence that one of them may have. */
  rows = 0;
  floor = 1;
  #row: Mutable<Omit<BoxRow, "counts">>;
  readonly #counts: Mutable<MailCounts>;
  #isLoaded = false;
  /** It is closed: nothing of it is written any more. */
  isClosed = false;

  constructor(row: BoxRow, account: BoxAccount) {
    this.#account = account;
    const { counts, ...rest } = row;
    this.id = row.id;
    this.name = row.name;
    this.#row = { ...rest };
    this.#counts = { ...counts };
    this.committedSeq = row.nextSeq - 1;
    this.keptSeq = row.nextSeq - 1;
  }

  /** Whose messages wait; made when the box is first used. */
  get shares(): SenderShares {
    return (this.#shares ??= new SenderShares());
  }

  /** Requests that wait for answers. */
  get asked(): AskedRequests {
    return (this.#asked ??= new AskedRequests(this.#account.waits));
  }

  /** The row as it is to be kept. */
  get row(): BoxRow {
    return { ...this.#row, counts: countsOf(this.#counts) };
  }

  get counts(): MailCounts {
    return this.#counts;
  }

  get settings(): Omit<BoxRow, "counts"> {
    return this.#row;
  }

  /** Changes what its owner, or its coming and going, decides. */
  change(changed: Partial<Omit<BoxRow, "id" | "name" | "counts" | "nextSeq">>): void {
    this.#row = { ...this.#row, ...changed };
  }

  /** The owner is connected, or has been gone since then. */
  away(since: number | undefined): void {
    // Not by delete: copies of such an object take ten times as long, and one is made for each change.
    const { awaySince: before, ...row } = this.#row;
    if (before !== since) this.#row = since === undefined ? row : { ...row, awaySince: since };
  }

  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /**
   * Takes in a row that is on disk; all are taken in once, in order of arrival. `now`: wall clock; `started`: monotonic,
   * when leases and pauses began anew.
   */
  load(row: MailRow, now: number, started: number): void {
    if (this.rows === 0) this.floor = row.seq;
    this.rows += 1;
    this.asked.load(row, now, this.#row.keepMs);
    if (row.state === "dead") this.#dead.push({ seq: row.seq, bytes: row.bytes });
    if (!isOpen(row.state)) return;
    const share = this.shares.of(row);
    share.add(row.bytes);
    this.#prioritise(row.priority, 1);
    const until = row.leaseMs === undefined ? 0 : started + row.leaseMs;
    const state = row.state === "leased" ? "leased" : "waiting";
    this.#entries.push(new Entry(row, share, { waited: true, state, until }));
  }

  /** All rows that are on disk have been taken in. */
  loaded(): void {
    this.#isLoaded = true;
  }

  /** They could not all be read: as if none had been taken in. */
  unload(): void {
    this.#entries = [];
    this.#dead.length = 0;
    this.#priorities = undefined;
    this.rows = 0;
    this.floor = 1;
    this.#shares = undefined;
    this.#asked?.end();
  }

  /** The sequence of a new message. */
  nextSeq(): number {
    const seq = this.#row.nextSeq;
    this.#row.nextSeq += 1;
    return seq;
  }

  /** A new message has come; `row` is its row, and `waited` if nobody is there for it. */
  add(row: MailRow, waited: boolean): Entry {
    const share = this.shares.of(row);
    const { bytes, priority } = row;
    const entry = new Entry(row, share, { waited });
    share.add(bytes);
    this.#prioritise(priority, 1);
    this.#entries.push(entry);
    this.#counts.stored += 1;
    this.#counts.waiting += 1;
    this.#grow(bytes);
    this.rows += 1;
    this.asked.open(row);
    return entry;
  }

  /** It could not be kept: as if it had never come. */
  remove(entry: Entry, row: MailRow): void {
    if (entry.state === "settled") return;
    this.#leave(entry);
    this.#counts.stored -= 1;
    this.#counts.waiting -= 1;
    this.rows -= 1;
    this.asked.forget(row);
  }

  /** It waits no longer: counted under the state of `row`, which is what it is now. */
  settle(entry: Entry, row: MailRow, now: number): void {
    if (entry.state === "settled") return;
    this.#counts[entry.state] -= 1;
    this.#counts[row.state] += 1;
    if (row.state === "dead") this.#die(row);
    this.#leave(entry);
    this.asked.settle(row, now);
  }

  /** Its row is gone: it counts as dead. */
  vanish(entry: Entry): void {
    if (entry.state === "settled") return;
    this.#counts[entry.state] -= 1;
    this.#counts.dead += 1;
    this.rows -= 1;
    this.#leave(entry);
    this.asked.vanish(entry.seq);
  }

  /** A message that was handed over is answered or given up. `before`: what it was. */
  resettle(before: MailRow, row: MailRow, now: number): void {
    this.#counts[before.state] -= 1;
    this.#counts[row.state] += 1;
    this.asked.settle(row, now);
  }

  /** A dead one is read no more; it stays counted as dead. */
  forgetDead(seq: number): void {
    const at = this.#dead.findIndex((dead) => dead.seq === seq);
    if (at === -1) return;
    const [dead] = this.#dead.splice(at, 1);
    this.#growDead(-(dead?.bytes ?? 0));
  }

  /** Dead ones behind `seq`, in order of arrival. */
  deadAfter(seq: number): readonly Pick<MailRow, "seq">[] {
    return this.#dead.filter((dead) => dead.seq > seq).sort((one, other) => one.seq - other.seq);
  }

  /** The box is closed: nobody reads the dead ones any more. */
  forgetAllDead(): void {
    this.#dead.length = 0;
    this.#growDead(-this.#counts.deadBytes);
  }

  /** The dead one that has to go, because dead ones have as much room as those that wait; undefined if none has to. */
  get overdead(): number | undefined {
    const { max, maxBytes } = this.#row;
    return this.#dead.length > max || this.#counts.deadBytes > maxBytes ? this.#dead[0]?.seq : undefined;
  }

  /** A dead one waits again, in its old place. */
  revive(row: MailRow): void {
    const { seq, bytes, priority } = row;
    const share = this.shares.of(row);
    share.add(bytes);
    this.#counts.dead -= 1;
    this.forgetDead(seq);
    this.#counts.waiting += 1;
    this.#grow(bytes);
    const at = this.#indexOf(seq);
    const entry = new Entry(row, share, { waited: true });
    this.#prioritise(priority, 1);
    this.#entries.splice(at, 0, entry);
    this.#head = Math.min(this.#head, at);
    this.asked.open(row);
  }

  /** Waiting ↔ leased. */
  move(entry: Entry, state: "waiting" | "leased"): void {
    if (entry.state === "settled" || entry.state === state) return;
    this.#counts[entry.state] -= 1;
    this.#counts[state] += 1;
    entry.state = state;
    if (state === "waiting") this.#head = Math.min(this.#head, this.#indexOf(entry.seq));
  }

  /** The entry of a sequence; undefined once it is settled. */
  entry(seq: number): Entry | undefined {
    const entry = this.#entries[this.#indexOf(seq)];
    return entry?.seq === seq && entry.state !== "settled" ? entry : undefined;
  }

  /** Entries that are not settled and lie behind `seq`, in order of arrival. The box may change meanwhile. */
  *after(seq: number): Iterable<Entry> {
    while (this.#entries[this.#head]?.state === "settled") this.#head += 1;
    let at = Math.max(this.#indexOf(seq + 1), this.#head);
    for (;;) {
      while (this.#entries[at]?.state === "settled") at += 1;
      const entry = this.#entries[at];
      if (entry === undefined) return;
      yield entry;
      at = this.#entries[at] === entry ? at + 1 : this.#indexOf(entry.seq + 1);
    }
  }

  /** How many entries of this priority are not settled. */
  ofPriority(priority: Entry["priority"]): number {
    return this.#priorities?.[priority] ?? 0;
  }

  #prioritise(priority: Entry["priority"], change: 1 | -1): void {
    this.#priorities ??= [0, 0, 0];
    this.#priorities[priority] += change;
  }

  /** How many entries are not settled. */
  get size(): number {
    return this.#entries.length - this.#settled;
  }

  /** Rows of settled messages by which repeats are recognised, and nothing else. */
  get settledRows(): number {
    return this.rows - this.size - this.#dead.length - this.asked.handedOver;
  }

  #die({ seq, bytes }: MailRow): void {
    this.#dead.push({ seq, bytes });
    this.#growDead(bytes);
  }

  #growDead(bytes: number): void {
    this.#counts.deadBytes += bytes;
    this.#account.grows(this, 0, bytes);
  }

  #grow(bytes: number): void {
    this.#counts.bytes += bytes;
    this.#account.grows(this, bytes, 0);
  }

  #leave(entry: Entry): void {
    this.#grow(-entry.bytes);
    entry.share.remove(entry.bytes);
    this.shares.tidy(entry.share);
    entry.state = "settled";
    this.#prioritise(entry.priority, -1);
    this.#settled += 1;
    if (this.#settled < 64 || this.#settled * 2 < this.#entries.length) return;
    this.#entries = this.#entries.filter(({ state }) => state !== "settled");
    this.#settled = 0;
    this.#head = 0;
  }

  /** Where `seq` is, or would be, among the entries. */
  #indexOf(seq: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.seq ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

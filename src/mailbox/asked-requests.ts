import type { MailRow } from "./mail-row.js";

/** A stored request, as far as its answer needs it. */
export interface AskedRequest {
  readonly seq: number;
  readonly messageId: string;
  /** Wall clock until when a late answer still finds it, once it is settled otherwise than by an answer. */
  readonly closesAt?: number;
}

/** A request that waits for its answer. */
interface Open extends AskedRequest {
  /** It was handed over, and does not wait any more. */
  isHandedOver: boolean;
}

/** A request that is settled otherwise than by an answer. */
interface Late extends AskedRequest {
  readonly asker: string;
  readonly closesAt: number;
}

/** A settled request is found by a late answer for this long, milliseconds (protocols §9). */
const lateMs = 3_600_000;
/** So many settled requests of one box are found by late answers. */
const lateMax = 1_000;
/** How long the row of a settled message stays, milliseconds (protocols §9). */
export const settledMs = 86_400_000;

/** True for a request that still waits for its answer: handing it over does not settle it. */
export function isUnanswered({ type, state }: Pick<MailRow, "type" | "state">): boolean {
  return type === "request" && (state === "waiting" || state === "leased" || state === "done");
}

/**
 * The requests of one box that wait for their answers, by who asked: an answer that does not say which request it is for
 * answers the oldest one.
 */
export class AskedRequests {
  // bound: requests of the box that are not settled (mailboxMax, and as many that were handed over) · evicts: a request
  // goes when it is settled · owner: AskedRequests
  readonly #byAsker = new Map<string, Open[]>();
  /** Those that are settled, in the order in which that happened. */
  #late: Late[] = [];
  // bound: as above, and lateMax · evicts: an agent with its last request · owner: AskedRequests
  readonly #counts = new Map<string, number>();
  readonly #waits: (asker: string, isWaiting: boolean) => void;
  /** How many were handed over and not answered. */
  handedOver = 0;

  /** `waits` is told when an agent begins, and when it ends, to wait for an answer, or for a late one. */
  constructor(waits: (asker: string, isWaiting: boolean) => void) {
    this.#waits = waits;
  }

  /** A row that was on the disk. `now`: wall clock; `keepMs`: how long dead ones stay. */
  load(row: MailRow, now: number, keepMs: number): void {
    if (isUnanswered(row)) this.open(row);
    else if (row.type === "request" && row.state !== "answered" && row.goesAt !== undefined) {
      const closesAt = row.goesAt - (row.state === "dead" ? keepMs : settledMs) + lateMs;
      if (closesAt > now) this.#addLate(row, Math.min(closesAt, now + lateMs));
    }
  }

  open({ type, from: asker, seq, messageId, state }: MailRow): void {
    if (type !== "request") return;
    const isHandedOver = state === "done";
    if (isHandedOver) this.handedOver += 1;
    const asked: Open = { seq, messageId, isHandedOver };
    const ofAsker = this.#byAsker.get(asker);
    if (ofAsker === undefined) this.#byAsker.set(asker, [asked]);
    // One that waits again has its old place.
    else ofAsker.splice(ofAsker.findLastIndex((other) => other.seq < seq) + 1, 0, asked);
    this.#begins(asker);
  }

  /** The state of a request has changed. `now`: wall clock. */
  settle(row: MailRow, now: number): void {
    if (row.type !== "request") return;
    const asked = this.#byAsker.get(row.from)?.find(({ seq }) => seq === row.seq);
    if (row.state !== "done") {
      if (row.state !== "answered") this.#addLate(row, now + lateMs);
      if (asked !== undefined) this.forget(row);
    } else if (asked?.isHandedOver === false) {
      asked.isHandedOver = true;
      this.handedOver += 1;
    }
  }

  /** It is as if it had never come, or its row is gone. */
  forget({ from: asker, seq }: Pick<MailRow, "from" | "seq">): void {
    const ofAsker = this.#byAsker.get(asker) ?? [];
    const at = ofAsker.findIndex((asked) => asked.seq === seq);
    if (at === -1) return;
    if (ofAsker[at]?.isHandedOver === true) this.handedOver -= 1;
    if (ofAsker.length === 1) this.#byAsker.delete(asker);
    else ofAsker.splice(at, 1);
    this.#ends(asker);
  }

  /** Its row is gone, and nobody knows who asked. */
  vanish(seq: number): void {
    for (const [from, ofAsker] of this.#byAsker)
      if (ofAsker.some((asked) => asked.seq === seq)) {
        this.forget({ from, seq });
        return;
      }
  }

  /** What an answer to `asker` answers: the request of this id, or else the oldest open one, or the last settled one. */
  find(asker: string, messageId: string | undefined, now: number): AskedRequest | undefined {
    this.tidy(now);
    const open = this.#byAsker.get(asker) ?? [];
    if (messageId === undefined) return open[0] ?? this.#late.findLast((late) => late.asker === asker);
    const isMeant = (asked: AskedRequest): boolean => asked.messageId === messageId;
    return open.find(isMeant) ?? this.#late.findLast((late) => late.asker === asker && isMeant(late));
  }

  /** True if it was handed over, and not answered or given up since. */
  isHandedOver({ from, seq }: Pick<MailRow, "from" | "seq">): boolean {
    return this.#byAsker.get(from)?.find((asked) => asked.seq === seq)?.isHandedOver === true;
  }

  /** The oldest one that was handed over and not answered. */
  oldestHandedOver(): number | undefined {
    let oldest: number | undefined;
    for (const ofAsker of this.#byAsker.values()) {
      const seq = ofAsker.find(({ isHandedOver }) => isHandedOver)?.seq;
      if (seq !== undefined && (oldest === undefined || seq < oldest)) oldest = seq;
    }
    return oldest;
  }

  /** Forgets those that are settled for so long that no answer finds them. `now`: wall clock. */
  tidy(now: number): void {
    const first = this.#late[0];
    if (first === undefined || first.closesAt > now) return;
    const left = this.#late.findIndex(({ closesAt }) => closesAt > now);
    this.#dropLate(left === -1 ? this.#late.length : left);
  }

  /** The box is closed: nobody waits any more. */
  end(): void {
    for (const asker of this.#counts.keys()) this.#waits(asker, false);
    this.#counts.clear();
    this.#byAsker.clear();
    this.#late = [];
    this.handedOver = 0;
  }

  #addLate({ from: asker, seq, messageId }: MailRow, closesAt: number): void {
    this.#late.push({ asker, seq, messageId, closesAt });
    this.#begins(asker);
    if (this.#late.length > lateMax) this.#dropLate(1);
  }

  #dropLate(count: number): void {
    for (const { asker } of this.#late.splice(0, count)) this.#ends(asker);
  }

  #begins(asker: string): void {
    const count = this.#counts.get(asker) ?? 0;
    this.#counts.set(asker, count + 1);
    if (count === 0) this.#waits(asker, true);
  }

  #ends(asker: string): void {
    const count = (this.#counts.get(asker) ?? 0) - 1;
    if (count > 0) this.#counts.set(asker, count);
    else if (this.#counts.delete(asker)) this.#waits(asker, false);
  }
}

import type { MailRow } from "./mail-row.js";

/** A stored request, as far as its answer needs it. */
export interface AskedRequest {
  readonly seq: number;
  readonly messageId: string;
  /** Wall clock until when a late answer still finds it, once it is settled otherwise than by an answer. */
  closesAt: number | undefined;
}

/** A settled request is found by a late answer for this long, milliseconds (protocols §9). */
const lateMs = 3_600_000;
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
  // goes with its answer, or an hour after it is settled · owner: AskedRequests
  readonly #byAsker = new Map<string, AskedRequest[]>();
  readonly #waits: (asker: string, isWaiting: boolean) => void;
  size = 0;

  /** `waits` is told when an agent begins, and when it ends, to wait for answers. */
  constructor(waits: (asker: string, isWaiting: boolean) => void) {
    this.#waits = waits;
  }

  load(row: MailRow, now: number): void {
    if (isUnanswered(row)) this.open(row);
    else if (row.type === "request" && row.state !== "answered" && row.goesAt !== undefined) {
      const closesAt = row.goesAt - settledMs + lateMs;
      if (closesAt > now) this.#add(row, closesAt);
    }
  }

  open(row: MailRow): void {
    if (row.type === "request") this.#add(row, undefined);
  }

  /** The state of a request has changed. */
  settle(row: MailRow): void {
    if (row.type !== "request" || isUnanswered(row)) return;
    if (row.state === "answered" || row.goesAt === undefined) this.forget(row);
    else
      for (const asked of this.#byAsker.get(row.from) ?? [])
        if (asked.seq === row.seq) asked.closesAt = row.goesAt - settledMs + lateMs;
  }

  forget({ from, seq }: Pick<MailRow, "from" | "seq">): void {
    const ofAsker = this.#byAsker.get(from);
    const at = ofAsker?.findIndex((asked) => asked.seq === seq) ?? -1;
    if (ofAsker === undefined || at === -1) return;
    this.size -= 1;
    if (ofAsker.length > 1) ofAsker.splice(at, 1);
    else {
      this.#byAsker.delete(from);
      this.#waits(from, false);
    }
  }

  /** What an answer to `asker` answers: the request of this id, or else the oldest open one, or the last settled one. */
  find(asker: string, messageId: string | undefined, now: number): AskedRequest | undefined {
    const ofAsker = (this.#byAsker.get(asker) ?? []).filter(({ closesAt }) => closesAt === undefined || closesAt > now);
    if (messageId !== undefined) return ofAsker.find((asked) => asked.messageId === messageId);
    return ofAsker.find(({ closesAt }) => closesAt === undefined) ?? ofAsker.at(-1);
  }

  /** The sequences of those that are open, about in the order in which they came. */
  *oldest(): Iterable<number> {
    for (const ofAsker of this.#byAsker.values())
      for (const { seq, closesAt } of ofAsker) if (closesAt === undefined) yield seq;
  }

  /** The box is closed: nobody waits any more. */
  end(): void {
    for (const asker of this.#byAsker.keys()) this.#waits(asker, false);
    this.#byAsker.clear();
    this.size = 0;
  }

  #add({ from, seq, messageId }: MailRow, closesAt: number | undefined): void {
    const asked: AskedRequest = { seq, messageId, closesAt };
    const ofAsker = this.#byAsker.get(from);
    this.size += 1;
    if (ofAsker !== undefined) {
      ofAsker.push(asked);
      return;
    }
    this.#byAsker.set(from, [asked]);
    this.#waits(from, true);
  }
}

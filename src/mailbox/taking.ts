import { Message, type Envelope } from "../core/index.js";
import type { Box, Entry } from "./box.js";
import { deliveryId, isDelivery, seqOf } from "./delivery-id.js";
import type { MailContext } from "./mail-context.js";
import { moved, type MailRow, type MailState } from "./mail-row.js";
import type { Settling } from "./settling.js";

/** What is taken at once, and for how long it is leased. */
export interface Wanted {
  readonly max: number;
  readonly maxBytes: number;
  /** About so many tokens, at four bytes each. */
  readonly maxTokens?: number | undefined;
  readonly leaseMs: number;
  /** Whoever takes gets what there is when this is aborted. */
  readonly until: AbortSignal;
}

/** What became of a delivery that its owner named; `unknown`: there is none of this id in the box. */
export interface Named {
  readonly deliveryId: string;
  readonly state: MailState | "unknown";
}

/** A message that was leased, and how large it is. */
interface Picked {
  readonly envelope: Envelope;
  readonly bytes: number;
}

/** How often a message is handed out before it is dead, and the pauses between, milliseconds (protocols §9). */
const attemptsMax = 5;
const pausesMs = [60_000, 300_000, 1_800_000, 1_800_000] as const;
/** What one token is, about. */
const tokenBytes = 4;

/**
 * Take mode of one box: leases messages to its owner, by priority and then by arrival, and brings them to the end that
 * the owner names (protocols §9). A lease belongs to the name: connections come and go.
 */
export class Taking {
  readonly #box: Box;
  readonly #settling: Settling;
  readonly #context: MailContext;
  readonly #isHere: () => boolean;
  // bound: connections of the owner, each of which waits for one answer · evicts: with its answer · owner: Taking
  readonly #waiters = new Set<() => void>();
  // bound: mailMax · evicts: when the lease or the pause ends · owner: Taking
  readonly #timed = new Set<Entry>();

  constructor(box: Box, settling: Settling, context: MailContext, isHere: () => boolean) {
    this.#box = box;
    this.#settling = settling;
    this.#context = context;
    this.#isHere = isHere;
  }

  /** Takes in what was leased, or rested, before the start: its whole time begins anew. */
  load(): void {
    for (const entry of this.#box.after(0)) if (entry.until > 0) this.#timed.add(entry);
  }

  /** Leases what there is, or waits for it. A lease cannot be lost by a kill once this has resolved. @throws Fault unavailable */
  async take(wanted: Wanted): Promise<readonly Envelope[]> {
    for (;;) {
      const picked = this.#pick(wanted);
      if (picked.length > 0) {
        await (
          await this.#context.journal.written()
        ).committed;
        return picked;
      }
      if (wanted.until.aborted) return [];
      await this.#something(wanted.until);
    }
  }

  /** Gives back all that is leased: the owner takes no more, it is pushed to. */
  giveBack(): void {
    for (const entry of this.#box.after(0)) {
      const row = entry.until > 0 ? this.#context.store.row(this.#box.id, entry.seq) : undefined;
      if (row !== undefined) this.#return(entry, row, 0);
    }
  }

  /** There may be something to take. */
  wake(): void {
    for (const wake of [...this.#waiters]) wake();
  }

  /** Ends the leases and pauses whose time is over. */
  round(now: number): void {
    let isFree = false;
    for (const entry of this.#timed) {
      if (entry.state === "settled") this.#timed.delete(entry);
      if (entry.state === "settled" || entry.until > now) continue;
      this.#timed.delete(entry);
      isFree = true;
      if (entry.state === "leased") this.#lapse(entry);
    }
    if (isFree) this.wake();
  }

  /** What was taken is done with. */
  done(ids: readonly string[]): readonly Named[] {
    return this.#named(ids, (entry) => {
      this.#settling.settle(entry, "done");
    });
  }

  /** It is not for this agent. */
  refuse(ids: readonly string[], reason: string | undefined): readonly Named[] {
    return this.#named(ids, (entry) => {
      this.#settling.settle(entry, "refused", reason);
    });
  }

  /** The lease begins anew. */
  extend(ids: readonly string[], leaseMs: number): readonly Named[] {
    return this.#named(ids, (entry, row) => {
      if (entry.state === "leased") this.#lease(entry, row, leaseMs);
    });
  }

  /** Gives messages back. At once and without counting as an attempt, or after a pause. */
  release(ids: readonly string[], delayMs: number): readonly Named[] {
    const named = this.#named(ids, (entry, row) => {
      if (entry.state !== "leased") return;
      if (delayMs === 0) entry.attempts -= 1;
      this.#return(entry, row, delayMs);
    });
    this.wake();
    return named;
  }

  /** A dead message waits again. */
  redeliver(ids: readonly string[]): readonly Named[] {
    return ids.map((id) => {
      const row = this.#row(id);
      if (row?.state !== "dead" || row.until <= this.#context.clock.now()) return namedAs(id, row);
      const again = moved(row, { state: "waiting", attempts: 0 });
      this.#box.revive(again);
      this.#context.journal.changed(this.#box, { put: again });
      return namedAs(id, again);
    });
  }

  #something(until: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        this.#waiters.delete(end);
        until.removeEventListener("abort", end);
        resolve();
      };
      this.#waiters.add(end);
      until.addEventListener("abort", end, { once: true });
    });
  }

  #pick(wanted: Wanted): readonly Envelope[] {
    const picked: Envelope[] = [];
    const maxBytes = Math.min(wanted.maxBytes, (wanted.maxTokens ?? Infinity) * tokenBytes);
    let bytes = 0;
    for (const entry of this.#ready()) {
      if (picked.length >= wanted.max || (picked.length > 0 && bytes + entry.bytes > maxBytes)) break;
      const found = this.#leased(entry, wanted.leaseMs);
      if (found === undefined) continue;
      picked.push(found.envelope);
      bytes += found.bytes;
    }
    return picked;
  }

  /** Messages that can be leased now, the most urgent first, and those of one priority in order of arrival. */
  *#ready(): Iterable<Entry> {
    const now = this.#context.clock.monotonic();
    for (const priority of [0, 1, 2] as const) {
      let left = this.#box.ofPriority(priority);
      for (const entry of left > 0 ? this.#box.after(0) : []) {
        if (entry.priority !== priority) continue;
        const isReady = entry.state === "waiting" && entry.holders === 0 && entry.until <= now;
        if (isReady && entry.seq <= this.#box.committedSeq) yield entry;
        if ((left -= 1) === 0) break;
      }
    }
  }

  #leased(entry: Entry, leaseMs: number): Picked | undefined {
    const { store, clock } = this.#context;
    const row = store.row(this.#box.id, entry.seq);
    const body = row === undefined ? undefined : store.body(this.#box.id, entry.seq);
    if (row === undefined || body === undefined) {
      this.#settling.vanished(entry);
      return undefined;
    }
    if (row.until <= clock.now()) {
      this.#settling.settle(entry, "expired");
      return undefined;
    }
    const attempt = entry.attempts + 1;
    const { envelope } = Message.kept(
      body,
      { topic: this.#box.name, receivedAt: row.storedAt, trust: row.trust, origin: undefined },
      { stored_at: new Date(row.storedAt).toISOString(), delivery_id: deliveryId(row), attempt },
    );
    if (envelope === undefined) {
      this.#settling.settle(entry, "dead", "unreadable");
      return undefined;
    }
    entry.attempts = attempt;
    this.#lease(entry, row, leaseMs);
    return { envelope, bytes: entry.bytes };
  }

  #lease(entry: Entry, row: MailRow, leaseMs: number): void {
    this.#box.move(entry, "leased");
    this.#time(entry, row, leaseMs);
  }

  /** The lease of somebody who is here has ended: that counts as an attempt. */
  #lapse(entry: Entry): void {
    const row = this.#context.store.row(this.#box.id, entry.seq);
    if (row === undefined) this.#settling.vanished(entry);
    else if (this.#isHere()) this.#return(entry, row, pausesMs[entry.attempts - 1] ?? 0);
    else {
      entry.attempts -= 1;
      this.#return(entry, row, 0);
    }
  }

  /** It waits again, after a pause; or is dead, when it was handed out too often. */
  #return(entry: Entry, row: MailRow, pauseMs: number): void {
    if (entry.attempts >= attemptsMax) {
      this.#settling.settle(entry, "dead", "attempts");
      return;
    }
    this.#box.move(entry, "waiting");
    this.#time(entry, row, pauseMs);
  }

  #time(entry: Entry, row: MailRow, ms: number): void {
    const { journal, clock } = this.#context;
    const { attempts } = entry;
    const state = entry.state === "leased" ? "leased" : "waiting";
    entry.until = ms === 0 ? 0 : clock.monotonic() + ms;
    if (ms > 0) this.#timed.add(entry);
    journal.changed(this.#box, { put: moved(row, { state, attempts, ...(ms > 0 && { leaseMs: ms }) }) });
  }

  #named(ids: readonly string[], run: (entry: Entry, row: MailRow) => void): readonly Named[] {
    return ids.map((id) => {
      const row = this.#row(id);
      const entry = row === undefined ? undefined : this.#box.entry(row.seq);
      if (row === undefined || entry === undefined) return namedAs(id, row);
      run(entry, row);
      return namedAs(id, this.#row(id));
    });
  }

  #row(id: string): MailRow | undefined {
    const seq = seqOf(id);
    const row = seq === undefined ? undefined : this.#context.store.row(this.#box.id, seq);
    return row !== undefined && isDelivery(id, row) ? row : undefined;
  }
}

function namedAs(id: string, row: MailRow | undefined): Named {
  return { deliveryId: id, state: row?.state ?? "unknown" };
}

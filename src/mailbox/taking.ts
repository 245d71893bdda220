import { asFault, Message, type Envelope } from "../core/index.js";
import type { Box } from "./box.js";
import type { Entry } from "./entry.js";
import { deliveryId, isDelivery, seqOf } from "./delivery-id.js";
import { whyFull } from "./incoming.js";
import { isFree } from "./sender-shares.js";
import type { MailContext } from "./mail-context.js";
import { moved, type MailRow, type MailState } from "./mail-row.js";
import type { Written } from "./mail-store.js";
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

/** A message that was leased. */
interface Picked {
  readonly entry: Entry;
  readonly row: MailRow;
  readonly envelope: Envelope;
}

/** How often a message is handed out before it is dead, and the pauses between, milliseconds (protocols §9). */
const attemptsMax = 5;
const pausesMs = [60_000, 300_000, 1_800_000, 1_800_000] as const;
/** So many messages are taken, or brought to an end, before it is looked whether others should have their turn. */
const atOnce = 50;
/** What one token is, about. */
const tokenBytes = 4;

/** What taking needs of its box. */
export interface TakingEvents {
  /** Monotonic time since when the owner is connected; undefined while it is not. */
  hereSince(): number | undefined;
  /** A message waits again, and may be handed out. */
  freed(seq: number): void;
}

/**
 * Take mode of one box: leases messages to its owner, by priority and then by arrival, and brings them to the end that
 * the owner names (protocols §9). A lease belongs to the name: connections come and go.
 */
export class Taking {
  readonly #box: Box;
  readonly #settling: Settling;
  readonly #context: MailContext;
  readonly #events: TakingEvents;
  // bound: connections of the owner, each of which waits for one answer · evicts: with its answer · owner: Taking
  readonly #waiters = new Set<() => void>();
  // bound: mailMax · evicts: when the lease or the pause ends · owner: Taking
  readonly #timed = new Set<Entry>();

  constructor(box: Box, settling: Settling, context: MailContext, events: TakingEvents) {
    this.#box = box;
    this.#settling = settling;
    this.#context = context;
    this.#events = events;
  }

  /** Takes in what was leased, or rested, before the start: its whole time began anew then. */
  load(): void {
    for (const entry of this.#box.after(0)) if (entry.until > 0) this.#timed.add(entry);
    this.round(this.#context.clock.monotonic());
  }

  /** Leases what there is, or waits for it. A lease cannot be lost by a kill once this has resolved. @throws Fault unavailable */
  async take(wanted: Wanted): Promise<readonly Envelope[]> {
    for (;;) {
      const written: Promise<Written>[] = [];
      const picked = await this.#pick(wanted, written);
      if (picked.length > 0) return this.#kept(picked, written);
      if (wanted.until.aborted) return [];
      await this.#something(wanted.until);
    }
  }

  /** Leases are taken back where they could not be kept. @throws Fault unavailable */
  async #kept(picked: readonly Picked[], written: readonly Promise<Written>[]): Promise<readonly Envelope[]> {
    try {
      await committed(written);
    } catch (thrown) {
      for (const { entry, row } of picked) if (entry.state === "leased") this.#giveBack(entry, row);
      throw thrown;
    }
    return [...picked].sort(byUrgency).map(({ envelope }) => envelope);
  }

  /** Gives back all that is leased or rests: the owner takes no more, it is pushed to. */
  giveBack(): void {
    for (const entry of this.#box.after(0)) {
      const row = entry.until > 0 ? this.#context.store.row(this.#box.id, entry.seq) : undefined;
      if (row !== undefined) this.#giveBack(entry, row);
    }
  }

  /** There may be something to take. */
  wake(): void {
    for (const wake of [...this.#waiters]) wake();
  }

  /** Ends the leases and pauses whose time is over. `now`: monotonic. */
  round(now: number): void {
    for (const entry of this.#timed) {
      if (entry.state !== "settled" && entry.until > now) continue;
      this.#timed.delete(entry);
      try {
        if (entry.state === "leased") this.#lapse(entry);
        else if (entry.state === "waiting") this.#rested(entry);
      } catch (thrown) {
        this.#tellUnreadable(entry, thrown);
      }
    }
  }

  /**
   * Does something to many deliveries, in slices, and in their order.
   * @returns what it returns of all, once a kill cannot lose it any more
   * @throws Fault unavailable
   */
  async inSlices(
    ids: readonly string[],
    run: (taking: Taking, some: readonly string[]) => readonly Named[],
  ): Promise<readonly Named[]> {
    const { slices, journal } = this.#context;
    const all: Named[] = [];
    const written: Promise<Written>[] = [];
    await slices.run(() => {
      all.push(...run(this, ids.slice(all.length, all.length + atOnce)));
      written.push(journal.written());
      return all.length < ids.length ? "more" : undefined;
    });
    await committed(written);
    return all;
  }

  /** What was taken is done with. */
  done(ids: readonly string[]): readonly Named[] {
    return this.#named(ids, (entry, row) => this.#settling.settle(entry, "done", undefined, row));
  }

  /** It is not for this agent. */
  refuse(ids: readonly string[], reason: string | undefined): readonly Named[] {
    return this.#named(ids, (entry, row) => this.#settling.settle(entry, "refused", reason, row));
  }

  /** The lease begins anew. */
  extend(ids: readonly string[], leaseMs: number): readonly Named[] {
    return this.#named(ids, (entry, row) => {
      if (entry.state === "leased") this.#lease(entry, row, leaseMs);
      return undefined;
    });
  }

  /** Gives messages back. At once and without counting as an attempt, or after a pause. */
  release(ids: readonly string[], delayMs: number): readonly Named[] {
    return this.#named(ids, (entry, row) => {
      if (entry.state !== "leased") return undefined;
      if (delayMs > 0) return this.#return(entry, row, delayMs);
      this.#giveBack(entry, row);
      return undefined;
    });
  }

  /** A dead message waits again, if its time is not over and there is room for it. */
  redeliver(ids: readonly string[]): readonly Named[] {
    return ids.map((id) => {
      const row = this.#row(id);
      if (row?.state !== "dead" || !this.#mayWaitAgain(row)) return namedAs(id, row);
      const again = moved(row, { state: "waiting", attempts: 0 });
      this.#box.revive(again);
      this.#context.journal.changed(this.#box, { put: again });
      this.#events.freed(again.seq);
      return namedAs(id, again);
    });
  }

  #mayWaitAgain({ sender, trust, until, bytes }: MailRow): boolean {
    const { clock, limits, totals } = this.#context;
    if (bytes === 0 || until <= clock.now()) return false;
    const isHere = this.#events.hereSince() !== undefined;
    const found = { key: sender, isFree: isFree({ sender, trust }) };
    return whyFull(this.#box, found, bytes, { totals, limits, isHere }) === undefined;
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

  /** Leases what there is, in slices; `written` gets what tells when each is safe. */
  async #pick(wanted: Wanted, written: Promise<Written>[]): Promise<readonly Picked[]> {
    const { slices, journal } = this.#context;
    const picked: Picked[] = [];
    const maxBytes = Math.min(wanted.maxBytes, (wanted.maxTokens ?? Infinity) * tokenBytes);
    let bytes = 0;
    // What cannot be read holds up nobody, and waits on: whoever takes is told of it if there is nothing else.
    const unreadable = new Map<Entry, unknown>([]);
    const some = (): "more" | undefined => {
      const enough = Math.min(picked.length + atOnce, wanted.max);
      for (const entry of this.#ready()) {
        if (unreadable.has(entry)) continue;
        if (picked.length > 0 && bytes + entry.bytes > maxBytes) return undefined;
        let found: Picked | undefined;
        try {
          found = this.#leased(entry, wanted.leaseMs);
        } catch (thrown) {
          unreadable.set(entry, thrown);
        }
        if (found === undefined) continue;
        picked.push(found);
        bytes += entry.bytes;
        if (picked.length === enough) return enough < wanted.max ? "more" : undefined;
      }
      return undefined;
    };
    await slices.run(() => {
      const more = some();
      written.push(journal.written()); // at once: when it has failed it is another one, which is tried again
      return more;
    });
    for (const [entry, thrown] of unreadable) {
      if (picked.length === 0) throw asFault(thrown);
      this.#tellUnreadable(entry, thrown);
    }
    return picked;
  }

  #tellUnreadable({ seq }: Entry, thrown: unknown): void {
    const { name: agent } = this.#box;
    this.#context.log("error", "a message of a mailbox cannot be read", { agent, seq, cause: String(thrown) });
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
    return { entry, row, envelope };
  }

  #lease(entry: Entry, row: MailRow, leaseMs: number): void {
    this.#box.move(entry, "leased");
    this.#time(entry, row, leaseMs);
  }

  /** A lease has ended. While its owner was here, that counts as an attempt. */
  #lapse(entry: Entry): void {
    const row = this.#context.store.row(this.#box.id, entry.seq);
    const since = this.#events.hereSince();
    if (row === undefined) this.#settling.vanished(entry);
    else if (since !== undefined && since <= entry.until) this.#return(entry, row, pausesMs[entry.attempts - 1] ?? 0);
    else this.#giveBack(entry, row);
  }

  /** A pause is over, also for whoever starts the broker next. */
  #rested(entry: Entry): void {
    const row = this.#context.store.row(this.#box.id, entry.seq);
    if (row === undefined) this.#settling.vanished(entry);
    else this.#giveBack(entry, row);
  }

  /** It waits again after a pause; or is dead, when it was handed out too often. */
  #return(entry: Entry, row: MailRow, pauseMs: number): MailRow | undefined {
    if (entry.attempts >= attemptsMax) return this.#settling.settle(entry, "dead", "attempts", row);
    this.#box.move(entry, "waiting");
    this.#time(entry, row, pauseMs);
    return undefined;
  }

  /** It waits again at once, and as if it had not been handed out. */
  #giveBack(entry: Entry, row: MailRow): void {
    if (entry.state === "leased") entry.attempts -= 1;
    this.#box.move(entry, "waiting");
    this.#time(entry, row, 0);
    this.#free(entry);
  }

  #free({ seq }: Entry): void {
    this.#events.freed(seq);
    this.wake();
  }

  #time(entry: Entry, row: MailRow, ms: number): void {
    const { journal, clock } = this.#context;
    const { attempts } = entry;
    const state = entry.state === "leased" ? "leased" : "waiting";
    entry.until = ms === 0 ? 0 : clock.monotonic() + ms;
    if (ms > 0) this.#timed.add(entry);
    else this.#timed.delete(entry);
    journal.changed(this.#box, { move: moved(row, { state, attempts, ...(ms > 0 && { leaseMs: ms }) }) });
  }

  /** Each is read once, of a thousand. `run` returns what is settled now. */
  #named(
    ids: readonly string[],
    run: (entry: Entry, row: MailRow) => Pick<MailRow, "state"> | undefined,
  ): readonly Named[] {
    return ids.map((id) => {
      const row = this.#row(id);
      const entry = row === undefined ? undefined : this.#box.entry(row.seq);
      if (row === undefined || entry === undefined) return namedAs(id, row);
      const settled = run(entry, row);
      return { deliveryId: id, state: entry.state === "settled" ? (settled?.state ?? "unknown") : entry.state };
    });
  }

  #row(id: string): MailRow | undefined {
    const seq = seqOf(id);
    const row = seq === undefined ? undefined : this.#context.store.row(this.#box.id, seq);
    return row !== undefined && isDelivery(id, row) ? row : undefined;
  }
}

/** As one answer has them: what came, or was given back, between two slices is not behind what is less urgent. */
function byUrgency({ entry: one }: Picked, { entry: other }: Picked): number {
  return one.priority - other.priority || one.seq - other.seq;
}

function namedAs(id: string, row: MailRow | undefined): Named {
  return { deliveryId: id, state: row?.state ?? "unknown" };
}

/** Resolves when a kill cannot lose any of it. @throws Fault unavailable */
async function committed(written: readonly Promise<Written>[]): Promise<void> {
  for (const one of written) await (await one).committed;
}

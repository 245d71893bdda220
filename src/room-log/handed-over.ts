import { isIssued, type Clock, type Principal, type Subscriber } from "../core/index.js";
import type { RoomLog } from "./room-log.js";

/** Where it is noted up to where everything was handed over to a name. */
export interface Cursors {
  /** 0 if nothing was handed over to it. */
  seqOf(log: RoomLog, name: string): number;
  /** `isFree`: the name has cost nothing, and must not displace others. */
  note(log: RoomLog, name: string, seq: number, isFree: boolean): void;
}

/** A connection is asked for a sign this often at most, however much it hears, milliseconds. */
const askMs = 250;
/** A question without an answer holds up the next for so long. */
const unansweredMs = 60_000;

/** Messages that one connection was given without a gap between them. */
interface Stretch {
  readonly log: RoomLog;
  readonly from: number;
  to: number;
}

/** One connection that hears durable rooms. */
interface Listener {
  /** What it was given of each room and has not proved to have read. */
  // bound: rooms of one agent (roomsPerAgentMax) · evicts: a room when everything of it is proved · owner: HandedOver
  readonly stretches: Map<RoomLog, Stretch>;
  /** When it was asked, monotonic; undefined: nothing waits for an answer. */
  askedAt: number | undefined;
}

/**
 * Follows what is handed over of durable rooms (protocols §10.2): a message is, when its connection has given a sign
 * that can only come after it. Only without a gap: what is said live does not cover what was missed before.
 */
export class HandedOver {
  // bound: connections that hear durable rooms (zmqConnectionsMax + wsConnectionsMax) · evicts: goes with its
  // connection · owner: HandedOver
  readonly #listeners = new WeakMap<Subscriber, Listener>();
  /** Those who were given something since they were asked. */
  // bound: as above · evicts: all at each round · owner: HandedOver
  readonly #toAsk = new Set<Subscriber>();
  #round: (() => void) | undefined;
  readonly #clock: Pick<Clock, "after" | "monotonic">;
  readonly #cursors: Cursors;
  readonly #failed: (thrown: unknown) => void;

  /** @param failed is told when it could not be noted what was read, which the connection is not to blame for */
  constructor(
    clock: Pick<Clock, "after" | "monotonic">,
    cursors: Cursors,
    failed: (thrown: unknown) => void = () => undefined,
  ) {
    this.#clock = clock;
    this.#cursors = cursors;
    this.#failed = failed;
  }

  /** A subscriber was given the message at the place `seq`, or lost it. */
  heard(log: RoomLog, subscriber: Subscriber, seq: number, lost: boolean): void {
    if (lost) this.#listeners.get(subscriber)?.stretches.delete(log);
    else this.given(log, subscriber, seq - 1, seq);
  }

  /** A subscriber was given all messages behind `after` up to `to`, those that are remembered no more excepted. */
  given(log: RoomLog, subscriber: Subscriber, after: number, to: number): void {
    // A name that is only claimed may be another's next time.
    if (subscriber.recipient?.principal === undefined || to <= after) return;
    let listener = this.#listeners.get(subscriber);
    if (listener === undefined)
      this.#listeners.set(subscriber, (listener = { stretches: new Map([]), askedAt: undefined }));
    const known = listener.stretches.get(log);
    if (known !== undefined && known.from <= after + 1 && after <= known.to) known.to = Math.max(known.to, to);
    else listener.stretches.set(log, { log, from: after + 1, to });
    this.#askSoon(subscriber);
  }

  close(): void {
    this.#round?.();
    this.#round = undefined;
    this.#toAsk.clear();
  }

  #askSoon(subscriber: Subscriber): void {
    this.#toAsk.add(subscriber);
    this.#round ??= this.#clock.after(askMs, () => {
      this.#round = undefined;
      this.#askAll();
    });
  }

  #askAll(): void {
    const all = [...this.#toAsk];
    this.#toAsk.clear();
    for (const subscriber of all) {
      const listener = this.#listeners.get(subscriber);
      if (listener !== undefined) this.#ask(subscriber, listener);
    }
  }

  #ask(subscriber: Subscriber, listener: Listener): void {
    const { recipient } = subscriber;
    const now = this.#clock.monotonic();
    if (recipient?.principal === undefined || now - (listener.askedAt ?? -Infinity) < unansweredMs) return;
    const { principal } = recipient;
    const given = [...listener.stretches.values()].map(({ log, from, to }) => ({ log, from, to }));
    if (given.length === 0) return;
    listener.askedAt = now;
    recipient.prove(this, () => {
      listener.askedAt = undefined;
      try {
        for (const stretch of given) this.#proved(listener, principal, stretch);
      } catch (thrown) {
        this.#failed(thrown);
      }
      if (listener.stretches.size > 0) this.#askSoon(subscriber);
    });
  }

  /** Everything of the stretch has been read: the cursor moves over it if nothing is missing before. */
  #proved(listener: Listener, principal: Principal, { log, from, to }: Stretch): void {
    const isEnded = log.phase === "ended";
    if (!isEnded) {
      const { agent: name } = principal;
      const seq = this.#cursors.seqOf(log, name);
      const isGapless = to > seq && from <= Math.max(seq + 1, log.row.first);
      if (isGapless) this.#cursors.note(log, name, to, !isIssued(principal));
    }
    // Since it was asked it may have been given more, behind this and before it.
    const now = listener.stretches.get(log);
    if (isEnded || (now?.to === to && now.from >= from)) listener.stretches.delete(log);
  }
}

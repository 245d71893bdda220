import { patienceMs, type Clock, type Limits } from "../core/index.js";
import { PairFigures, type SaidOnce } from "./pair-figures.js";
import { saysFailure, type CountedSender, type Overheard, type OverheardListener } from "./overhearing.js";
import type { Flow } from "./telemetry.js";

/** Pairs that are remembered; so many of the least active go at once when they are more. */
export const flowsMax = 10_000;
const flowsLeave = 500;
/** Requests of one pair that wait for their answer, and of all; what is asked beyond them is not measured. */
const openPerPairMax = 32;
const openMax = 50_000;
/** Figures that change by time alone are looked at this often at most, milliseconds. */
const sweepMs = 1_000;

/** Topics to which something was said of which nothing else is known, at most; beyond them the first is forgotten. */
const unseenMax = 1_000;

/** A request that waits for its answer. */
interface OpenRequest {
  readonly messageId: string;
  readonly at: number;
  /** Monotonic; from then on it counts as failed. */
  readonly until: number;
  readonly hidden: boolean;
  /** It says how long it waits: when that is over, it has failed. */
  readonly isTimed: boolean;
  /** False: it may have been answered by what was not looked at, so it cannot fail, and answers must name it. */
  sure: boolean;
}

/**
 * Who talks to whom: an agent and a topic. What `inspect` alone may know of is apart: `open` counts what everybody may
 * see, `whole` everything, once there is something else.
 */
interface Pair {
  readonly key: string;
  readonly from: string;
  open: PairFigures | undefined;
  whole: PairFigures | undefined;
  /** Oldest first. */
  requests: OpenRequest[];
}

/** What flows know of the broker. */
export interface FlowsParts {
  readonly clock: Pick<Clock, "now" | "monotonic">;
  readonly limits: Pick<Limits, "requestTimeoutMs" | "requestMaxMs">;
}

/**
 * Statistics of who talks to whom, from what is overheard. A response belongs to the request that it names, else to the
 * oldest open one of its addressee to its sender. A request that says how long it waits has failed when that is over,
 * and any when its answer says `data.error`; others are forgotten after `requestTimeoutMs`. Requests to rooms, to `all`
 * and to data topics expect no answer. What passes as bytes without being looked at is counted where its sender is
 * known; what it answers is not known, so that requests which it may have answered are left out.
 */
export class Flows implements OverheardListener {
  readonly #parts: FlowsParts;
  /** The least active first. */
  // bound: 10,000 (flowsMax) · evicts: the 500 least active · owner: Flows
  readonly #pairs = new Map<string, Pair>();
  /** By their last change, the oldest first. */
  // bound: two for each pair · evicts: with their pair · owner: Flows
  readonly #changed = new Set<PairFigures>();
  /** Of the last change. It never falls, so that a number that was told once stays true. */
  #change = 0;
  /** Everything up to that change has been told to somebody. */
  #told = 0;
  /** When something was said to a topic of which not even the sender is known, monotonic. */
  // bound: 1,000 (unseenMax) · evicts: the first · owner: Flows
  readonly #unseen = new Map<string, number>();
  #open = 0;
  #since = 0;
  #sinceMonotonic = 0;
  #sweptAt = 0;

  constructor(parts: FlowsParts) {
    this.#parts = parts;
  }

  /** Begins to count from nothing. */
  start(): void {
    this.stop();
    this.#since = this.#parts.clock.now();
    this.#sinceMonotonic = this.#parts.clock.monotonic();
  }

  /** Forgets everything. */
  stop(): void {
    this.#pairs.clear();
    this.#changed.clear();
    this.#unseen.clear();
    this.#open = 0;
  }

  /** How many pairs are known. */
  get size(): number {
    return this.#pairs.size;
  }

  heard(message: Overheard): void {
    const { from, to, at, now, bytes } = message;
    const pair = this.#obtain(from, to);
    this.#say(pair, from, to, message.hidden, { at, now, bytes, count: 1 });
    if (message.type === "response") this.#answer(message);
    else if (message.type === "request" && !message.shared) this.#ask(pair, message);
  }

  /** What was not looked at: it is in the pair of who says that it is the sender. */
  counted(to: string, count: number, bytes: number, sender?: CountedSender): void {
    if (sender === undefined) {
      this.#unseen.delete(to);
      this.#unseen.set(to, this.#parts.clock.monotonic());
      const [first] = this.#unseen.keys();
      if (first !== undefined && this.#unseen.size > unseenMax) this.#unseen.delete(first);
      return;
    }
    const { from, hidden } = sender;
    const pair = this.#obtain(from, to);
    this.#say(pair, from, to, hidden, { ...sender, bytes, count });
    for (const both of [pair, this.#pairs.get(keyOf(to, from))])
      for (const request of both?.requests ?? []) request.sure = false;
  }

  #say(pair: Pair, from: string, to: string, hidden: boolean, said: SaidOnce): void {
    if (hidden) pair.whole ??= new PairFigures(from, to, true, pair.open);
    else (pair.open ??= new PairFigures(from, to, false)).said(said);
    pair.whole?.said(said);
    this.#touch(pair, hidden);
  }

  /**
   * Flows that have changed since the change of that number (0: all), the oldest change first, `max` at most. One that
   * changes on and on keeps its place until it was told, so that each has its turn. A pair of which `inspect` alone may
   * know a part has two: what is open, and behind it, `hidden`, everything.
   */
  changed(since: number, max: number): { readonly flows: readonly Flow[]; readonly next: number } {
    const now = this.#parts.clock.monotonic();
    if (now - this.#sweptAt >= sweepMs) this.#sweep(now);
    const flows: Flow[] = [];
    let next = since;
    for (const figures of this.#changed) {
      if (figures.change <= since) continue;
      if (flows.length >= max) break;
      flows.push(figures.flow(this.#since, now, now - this.#sinceMonotonic));
      next = figures.change;
    }
    this.#told = Math.max(this.#told, next);
    return { flows, next };
  }

  /** The pair, which is the most active one from now on. */
  #obtain(from: string, to: string): Pair {
    const key = keyOf(from, to);
    const known = this.#pairs.get(key);
    if (known !== undefined) {
      this.#pairs.delete(known.key);
      this.#pairs.set(known.key, known);
      return known;
    }
    const pair: Pair = { key, from, open: undefined, whole: undefined, requests: [] };
    this.#pairs.set(key, pair);
    if (this.#pairs.size > flowsMax) this.#leave();
    return pair;
  }

  /** Many at once: to find the first of a Map from which many were deleted takes 10 µs and more. */
  #leave(): void {
    let left = flowsLeave;
    for (const { key, open, whole, requests } of this.#pairs.values()) {
      if (left === 0) return;
      left -= 1;
      this.#pairs.delete(key);
      this.#open -= requests.length;
      for (const figures of [open, whole]) if (figures !== undefined) this.#changed.delete(figures);
    }
  }

  /** The pair's figures have changed: what is hidden does not show in what is open, also not by its being told again. */
  #touch({ open, whole }: Pair, hidden: boolean): void {
    if (!hidden && open !== undefined && open.change <= this.#told) this.#move(open);
    // Who may see everything takes the last that is told of a pair: everything comes behind what is open.
    if (whole !== undefined && (whole.change <= this.#told || whole.change < (open?.change ?? 0))) this.#move(whole);
  }

  #move(figures: PairFigures): void {
    figures.change = this.#change += 1;
    this.#changed.delete(figures);
    this.#changed.add(figures);
  }

  #ask(pair: Pair, { messageId, at, now, hidden, envelope }: Overheard): void {
    if (this.#open >= openMax || pair.requests.length >= openPerPairMax) return;
    const { requestTimeoutMs, requestMaxMs } = this.#parts.limits;
    const patience = envelope === undefined ? undefined : patienceMs(envelope, now);
    const waitMs = Math.min(Math.max(patience ?? requestTimeoutMs, 0), requestMaxMs);
    pair.requests.push({ messageId, at, until: at + waitMs, hidden, isTimed: patience !== undefined, sure: true });
    this.#open += 1;
  }

  #answer({ from, to, inReplyTo, at, hidden, envelope }: Overheard): void {
    const pair = this.#pairs.get(keyOf(to, from));
    if (pair === undefined) return;
    this.#expire(pair, at);
    const place =
      inReplyTo === undefined
        ? pair.requests.findIndex((request) => this.#isSure(pair, request))
        : pair.requests.findIndex(({ messageId }) => messageId === inReplyTo);
    const [request] = place === -1 ? [] : pair.requests.splice(place, 1);
    if (request === undefined) return;
    this.#open -= 1;
    const latencyMs = at - request.at;
    const failed = envelope !== undefined && saysFailure(envelope);
    const isHidden = hidden || request.hidden;
    if (isHidden) pair.whole ??= new PairFigures(to, from, true, pair.open);
    if (!isHidden) pair.open?.settled(failed, latencyMs);
    pair.whole?.settled(failed, latencyMs);
    this.#touch(pair, isHidden);
  }

  /** What nobody has answered in its time has failed. */
  #expire(pair: Pair, now: number): void {
    if (pair.requests.every(({ until }) => until > now)) return;
    for (const request of pair.requests) {
      const { until, hidden } = request;
      if (until > now) continue;
      this.#open -= 1;
      if (!request.isTimed || !this.#isSure(pair, request)) continue;
      if (!hidden) pair.open?.settled(true, undefined);
      pair.whole?.settled(true, undefined);
      this.#touch(pair, hidden);
    }
    pair.requests = pair.requests.filter(({ until }) => until > now);
  }

  #isSure({ from }: Pair, { sure, at }: OpenRequest): boolean {
    return sure && (this.#unseen.get(from) ?? -Infinity) < at;
  }

  /** Finds what has changed though nobody spoke: requests whose time is over, and pairs that have fallen silent. */
  #sweep(now: number): void {
    this.#sweptAt = now;
    for (const pair of this.#pairs.values()) {
      if (pair.requests.length > 0) this.#expire(pair, now);
      const { open, whole } = pair;
      const isOpenSilent = open?.fallsSilent(now) === true;
      if (whole?.fallsSilent(now) === true || isOpenSilent) this.#touch(pair, !isOpenSilent);
    }
  }
}

/** The length keeps "a" to "bc" apart from "ab" to "c". */
function keyOf(from: string, to: string): string {
  return `${String(from.length)} ${from}${to}`;
}

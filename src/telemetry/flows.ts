import { patienceMs, type Clock, type Envelope, type Limits } from "../core/index.js";
import { PairFigures } from "./pair-figures.js";
import { saysFailure, type Overheard, type OverheardListener } from "./overhearing.js";
import type { Flow } from "./telemetry.js";

/** Pairs that are remembered; so many of the least active go at once when they are more. */
export const flowsMax = 10_000;
const flowsLeave = 500;
/** Requests of one pair that wait for their answer, and of all; what is asked beyond them is not measured. */
const openPerPairMax = 32;
const openMax = 50_000;
/** Figures that change by time alone are looked at this often at most, milliseconds. */
const sweepMs = 1_000;

/** A request that waits for its answer. */
interface OpenRequest {
  readonly messageId: string;
  readonly at: number;
  /** Monotonic; from then on it counts as failed. */
  readonly until: number;
  readonly hidden: boolean;
}

/**
 * Who talks to whom: an agent and a topic. What `inspect` alone may know of is apart: `open` counts what everybody may
 * see, `whole` everything, once there is something else.
 */
interface Pair {
  readonly key: string;
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
 * oldest open one of its addressee to its sender; a request that nobody answers in the time that it gives, else in
 * `requestTimeoutMs`, has failed, and so has one whose answer says `data.error`. Requests to rooms, to `all` and to data
 * topics expect no answer. What passes as bytes without being looked at has no known sender and is in no pair.
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
    this.#open = 0;
  }

  /** How many pairs are known. */
  get size(): number {
    return this.#pairs.size;
  }

  heard(message: Overheard): void {
    const { from, to } = message;
    const pair = this.#obtain(from, to);
    if (message.hidden) pair.whole ??= new PairFigures(from, to, true, pair.open);
    else pair.open ??= new PairFigures(from, to, false);
    if (!message.hidden) pair.open?.said(message);
    pair.whole?.said(message);
    this.#touch(pair, message.hidden);
    if (message.type === "response") this.#answer(message);
    else if (message.type === "request" && !message.shared) this.#ask(pair, message);
  }

  counted(): void {
    // No sender is known, so it is in no pair.
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
    // The length keeps "a" to "bc" apart from "ab" to "c".
    const key = `${String(from.length)} ${from}${to}`;
    const known = this.#pairs.get(key);
    if (known !== undefined) {
      this.#pairs.delete(known.key);
      this.#pairs.set(known.key, known);
      return known;
    }
    const pair: Pair = { key, open: undefined, whole: undefined, requests: [] };
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
    pair.requests.push({ messageId, at, until: at + this.#patienceMs(envelope, now), hidden });
    this.#open += 1;
  }

  #patienceMs(envelope: Envelope | undefined, now: number): number {
    const { requestTimeoutMs, requestMaxMs } = this.#parts.limits;
    const patience = envelope === undefined ? undefined : patienceMs(envelope, now);
    return Math.min(Math.max(patience ?? requestTimeoutMs, 0), requestMaxMs);
  }

  #answer({ from, to, inReplyTo, at, hidden, envelope }: Overheard): void {
    const pair = this.#pairs.get(`${String(to.length)} ${to}${from}`);
    if (pair === undefined) return;
    this.#expire(pair, at);
    const place = inReplyTo === undefined ? 0 : pair.requests.findIndex(({ messageId }) => messageId === inReplyTo);
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
    for (const { until, hidden } of pair.requests) {
      if (until > now) continue;
      this.#open -= 1;
      if (!hidden) pair.open?.settled(true, undefined);
      pair.whole?.settled(true, undefined);
      this.#touch(pair, hidden);
    }
    pair.requests = pair.requests.filter(({ until }) => until > now);
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

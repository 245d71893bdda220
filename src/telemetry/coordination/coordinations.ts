import { Fault, type Clock, type Ledger, type Limits } from "../../core/index.js";
import type { CoordinationEvent } from "../telemetry.js";
import { readAnnouncement, type Initiated, type Progressed } from "./announcements.js";

/** Coordinations that are over and are still told of. */
const endedMax = 100;
/**
 * One that an agent announced is over when nothing was said of it for its timeout and so much longer, and for an hour at
 * most, milliseconds.
 */
const silentMinMs = 60_000;
const silentMaxMs = 3_600_000;
/** Words by which agents say that one is over; so does a progress of 1. */
const endWords: ReadonlySet<string> = new Set([
  "APPROVED",
  "REJECTED",
  "TIMED_OUT",
  "COMPLETED",
  "FAILED",
  "CANCELLED",
]);

/** What {@link Coordinations} is made of. */
export interface CoordinationsOptions {
  readonly clock: Clock;
  readonly ledger: Pick<Ledger, "count">;
  readonly limits: Pick<Limits, "coordinationsMax" | "coordinationsPerAgentMax" | "coordinationMaxBytes">;
  /** True for an agent that is listed to its contacts only. */
  readonly isHidden: (agent: string) => boolean;
}

/** What is known of one coordination. */
interface Known {
  readonly initiator: string;
  readonly pattern: string;
  /** The broker runs it: only the broker says what becomes of it. */
  readonly isRun: boolean;
  /** Hidden, and all that follows with it, once anything of it has named an agent that is listed to its contacts only. */
  initiated: CoordinationEvent;
  progress: CoordinationEvent | undefined;
  /** It is over when nothing was said of it for so long, milliseconds. */
  readonly silentMs: number;
  /** Monotonic, milliseconds. */
  saidAt: number;
  /** Undefined: it is under way. */
  inTime: boolean | undefined;
}

/**
 * What is known of coordinations: as agents announce them, and as the broker runs them (Visualisation §3.8). Only who
 * began one says what becomes of it.
 */
export class Coordinations {
  readonly #options: CoordinationsOptions;
  // bound: coordinationsMax announced and as many that the broker runs, 2 × coordinationMaxBytes each · evicts: the
  // longest silent announced one; one goes when it is over · owner: Coordinations
  readonly #open = new Map<string, Known>();
  // bound: 100 · evicts: the oldest · owner: Coordinations
  readonly #ended = new Map<string, Known>();
  // bound: one for each part of the broker that listens · evicts: when it ends · owner: Coordinations
  readonly #listeners = new Set<(event: CoordinationEvent) => void>();

  constructor(options: CoordinationsOptions) {
    this.#options = options;
  }

  /** Calls `listener` with each event; the returned function ends it. */
  listen(listener: (event: CoordinationEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * What an agent reports on `$telemetry`; `payload` is unchecked.
   * @throws Fault malformed, too-large, forbidden (of somebody else's), conflict (the id is taken), not-found, full
   */
  announce(type: CoordinationEvent["type"], from: string, payload: unknown): void {
    const announcement = readAnnouncement(type, payload, this.#options.limits.coordinationMaxBytes);
    this.#endSilent();
    if (announcement.type === "coordination.initiated") this.#announceBegin(from, announcement.payload);
    else this.#announceProgress(from, announcement.payload);
  }

  /** One that the broker runs; its id is new. */
  begin(initiator: string, payload: Initiated): void {
    this.#begin(initiator, payload, true);
  }

  /** What has become of one that the broker runs. `inTime`: it is over, decided before its time or not. */
  advance(payload: Progressed, inTime?: boolean): void {
    const known = this.#open.get(payload.coordinationId);
    if (known !== undefined) this.#advance(known, payload, inTime);
  }

  /** What was told of those under way, and of the last 100 that are over: how each began, and its newest progress. */
  events(): readonly CoordinationEvent[] {
    this.#endSilent();
    return [...this.#ended.values(), ...this.#open.values()].flatMap(({ initiated, progress }) =>
      progress === undefined ? [initiated] : [initiated, progress],
    );
  }

  /** The two events of one; undefined if it is not known. */
  of(id: string): readonly CoordinationEvent[] | undefined {
    this.#endSilent();
    const known = this.#open.get(id) ?? this.#ended.get(id);
    if (known === undefined) return undefined;
    return known.progress === undefined ? [known.initiated] : [known.initiated, known.progress];
  }

  /** Of the last 100 that are over, the share that was decided before its time was up, 0–1; null without any. */
  get efficiency(): number | null {
    this.#endSilent();
    if (this.#ended.size === 0) return null;
    return [...this.#ended.values()].filter(({ inTime }) => inTime === true).length / this.#ended.size;
  }

  #announceBegin(from: string, payload: Initiated): void {
    const { initiator, coordinationId: id } = payload;
    if (initiator !== undefined && initiator.id !== from)
      throw new Fault("forbidden", "data.initiator is somebody else; an agent announces what it began itself");
    const known = this.#open.get(id) ?? this.#ended.get(id);
    if (known !== undefined && (known.isRun || known.initiator !== from))
      throw new Fault("conflict", `a coordination is called ${id} already; choose another coordinationId`);
    if (!this.#open.has(id)) this.#makeRoom(from);
    this.#ended.delete(id);
    this.#open.delete(id);
    this.#begin(from, { ...payload, initiator: { ...initiator, id: from } }, false);
  }

  #announceProgress(from: string, payload: Progressed): void {
    const known = this.#open.get(payload.coordinationId);
    if (known === undefined)
      throw new Fault("not-found", "no coordination of this id is under way; announce it by coordination.initiated");
    if (known.isRun || known.initiator !== from)
      throw new Fault("forbidden", "only who began a coordination reports its progress");
    const isOver = endWords.has(payload.status) || payload.progress === 1;
    this.#advance(known, { ...payload, pattern: known.pattern }, isOver ? payload.status !== "TIMED_OUT" : undefined);
  }

  /** @throws Fault full */
  #makeRoom(from: string): void {
    const { coordinationsMax, coordinationsPerAgentMax } = this.#options.limits;
    const announced = [...this.#open].filter(([, { isRun }]) => !isRun);
    const own = announced.filter(([, { initiator }]) => initiator === from);
    if (own.length >= coordinationsPerAgentMax)
      throw new Fault(
        "full",
        `${from} has ${coordinationsPerAgentMax} coordinations under way (coordinationsPerAgentMax); end some first`,
      );
    const [first] = announced;
    if (first === undefined || announced.length < coordinationsMax) return;
    this.#open.delete(first[0]);
    this.#options.ledger.count("coordination-forgotten");
  }

  #begin(initiator: string, payload: Initiated, isRun: boolean): void {
    const { coordinationId: id, pattern, parameters } = payload;
    const initiated = this.#event("coordination.initiated", payload, this.#namesHidden(payload));
    const timeout = parameters?.["timeout"];
    const silentMs =
      typeof timeout === "number" && timeout > 0 ? Math.min(timeout + silentMinMs, silentMaxMs) : silentMaxMs;
    const saidAt = this.#options.clock.monotonic();
    this.#open.set(id, {
      initiator,
      pattern,
      isRun,
      initiated,
      progress: undefined,
      silentMs,
      saidAt,
      inTime: undefined,
    });
    this.#tell(initiated);
  }

  #advance(known: Known, payload: Progressed, inTime: boolean | undefined): void {
    const { coordinationId: id } = payload;
    const hidden = known.initiated.hidden || this.#namesHidden(payload);
    if (hidden) known.initiated = { ...known.initiated, hidden };
    known.progress = this.#event("coordination.progress", payload, hidden);
    known.saidAt = this.#options.clock.monotonic();
    this.#open.delete(id);
    if (inTime === undefined)
      this.#open.set(id, known); // the longest silent one comes first
    else this.#end(id, known, inTime);
    this.#tell(known.progress);
  }

  #end(id: string, known: Known, inTime: boolean): void {
    known.inTime = inTime;
    this.#ended.set(id, known);
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > endedMax && oldest !== undefined) this.#ended.delete(oldest);
  }

  /** Those of which nothing was said for too long. The broker ends its own in time. */
  #endSilent(): void {
    const now = this.#options.clock.monotonic();
    for (const [id, known] of this.#open) {
      if (known.isRun || now - known.saidAt < known.silentMs) continue;
      this.#open.delete(id);
      this.#end(id, known, false);
    }
  }

  #event(type: CoordinationEvent["type"], payload: Initiated | Progressed, hidden: boolean): CoordinationEvent {
    return { type, payload, at: this.#options.clock.now(), hidden };
  }

  /** True if it names an agent, here or away, that is listed to its contacts only. */
  #namesHidden({ initiator, participants = [], votes = {} }: Partial<Initiated & Progressed>): boolean {
    const people = initiator === undefined ? participants : [initiator, ...participants];
    return [...people.map(({ id }) => id), ...Object.keys(votes)].some(this.#options.isHidden);
  }

  #tell(event: CoordinationEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}

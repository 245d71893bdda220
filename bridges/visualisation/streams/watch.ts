import type { Telemetry } from "#dialect";
import { capabilitiesBatch, firstStatesBatch, registeredBatch, statesBatch } from "./agent-batches.js";
import type { Batch } from "./batch.js";
import { Delivery } from "./delivery.js";
import { EventWriter } from "./event-writer.js";
import { FiguresInTurn } from "./figures.js";
import { coordinationBatch, messagesBatch, systemBatch } from "./graph-batches.js";
import { Happened, type Happenings } from "./happened.js";
import { Moves, ticksPerSecond, type Told } from "./moves.js";
import { Packing } from "./packing.js";
import type { StreamService } from "./stream-session.js";
import type { ShownStream } from "./stream-name.js";
import { Turns, type Job } from "./turns.js";
import type { Viewer } from "./viewer.js";

/** Agents that one who catches up is told of in one piece of work. */
const catchUpMax = 100;
/** Of so many each is told at the beginning of a tick; who knows all then joins the others, and hears all since. */
const joinMax = 200;
/** So long that may take in one tick, milliseconds. */
const joinMs = 4;
/**
 * Who was told of all agents is not told again for so long, for each of them, whatever it selects and however slowly it
 * reads; milliseconds.
 */
const againMs = 0.1;
const tickMs = 1_000 / ticksPerSecond;
/** At which tick of a second figures begin to be told, and those of the system are. */
const secondly = { figures: 1, system: 29 };

/** What a watch needs of the dialect. */
export interface WatchOptions {
  readonly service: StreamService;
  /** Those who look. */
  readonly viewers: ReadonlyMap<string, Viewer>;
  /** Unique to this watch. */
  readonly id: string;
  /** Wall clock, milliseconds. */
  readonly now: () => number;
}

/**
 * While somebody looks: gathers what happens, and tells it all viewers 30 times a second. What a tick tells is chosen in
 * one turn of the loop, so that nobody is told of an agent before it is announced; it is written and sent in as many
 * turns as it takes, and a tick that comes before is left out.
 */
export class Watch {
  readonly #options: WatchOptions;
  readonly #telemetry: Telemetry;
  readonly #writer: EventWriter;
  readonly #happened = new Happened();
  readonly #moves: Moves;
  readonly #figures: FiguresInTurn;
  readonly #packing = new Packing();
  readonly #delivery: Delivery;
  readonly #turns: Turns;
  readonly #stopListening: () => void;
  #cancelTick: (() => void) | undefined;
  #tick = 0;
  #dueAt: number;
  #isTelling = false;

  constructor(options: WatchOptions) {
    const { service, id, now } = options;
    this.#options = options;
    this.#telemetry = service.services.telemetry;
    this.#writer = new EventWriter(id, now);
    this.#moves = new Moves(this.#telemetry, this.#writer);
    this.#figures = new FiguresInTurn(this.#telemetry, this.#writer);
    this.#delivery = new Delivery(service, this.#packing);
    this.#turns = new Turns((ms, run) => service.after(ms, run));
    this.#stopListening = this.#telemetry.listen(this.#happened.listener);
    this.#dueAt = now();
    this.#tickLater();
  }

  end(): void {
    this.#cancelTick?.();
    this.#turns.end();
    this.#stopListening();
  }

  /** A clock that was set, or a loop that stood still, makes no tick come late, or many at once. */
  #tickLater(): void {
    const now = this.#options.now();
    this.#dueAt += tickMs;
    if (Math.abs(this.#dueAt - now) > 2 * tickMs) this.#dueAt = now + tickMs;
    this.#cancelTick = this.#options.service.after(Math.max(1, Math.round(this.#dueAt - now)), () => {
      this.#tickLater();
      if (!this.#isTelling) this.#next();
    });
  }

  #next(): void {
    this.#tick += 1;
    this.#packing.refill();
    const told = this.#gather();
    if (told.length === 0) return;
    this.#isTelling = true;
    this.#turns.do(this.#tell(told));
  }

  *#tell(told: readonly Told[]): Job {
    try {
      for (const { batch, viewers } of told) yield* this.#delivery.tell(batch, viewers);
    } finally {
      this.#isTelling = false;
    }
  }

  /** What is told in this tick, and whom. */
  #gather(): readonly Told[] {
    const viewers = [...this.#options.viewers.values()];
    const happened = this.#happened.take();
    for (const viewer of viewers) if (viewer.phase === "catching-up") note(happened, viewer);
    const before = viewers.filter(({ phase }) => phase === "live");
    // Who joins now knows all agents, and hears what was said since it came.
    this.#catchUp(viewers);
    const told = this.#happenings(happened, before, viewers);
    const live = viewers.filter(({ phase }) => phase === "live");
    const wanting = (stream: ShownStream): readonly Viewer[] => live.filter((viewer) => viewer.wants(stream));
    const second = this.#tick % ticksPerSecond;
    if (second === secondly.figures)
      this.#figures.begin(wanting("agent.performance.update"), wanting("message.flow.stats"));
    told.push(...this.#figures.next());
    if (second === secondly.system) {
      for (const { outlet } of viewers) outlet.flush();
      const those = wanting("system.metrics");
      if (those.length > 0) told.push({ batch: systemBatch(this.#telemetry.system(), this.#writer), viewers: those });
    }
    const moving = wanting("agent.positions").filter(
      ({ outlet }) => outlet.carrierOf("agent.positions") !== undefined || !outlet.isHeld,
    );
    told.push(...this.#moves.at(this.#tick, moving));
    return told;
  }

  /** @param live those that are not told of agents in another way */
  #happenings(
    { registered, changes, capabilities, coordination, said, lost }: Happenings,
    live: readonly Viewer[],
    viewers: readonly Viewer[],
  ): Told[] {
    const joined = viewers.filter(({ hasJoined }) => hasJoined);
    for (const [stream, count] of lost)
      for (const viewer of joined) if (viewer.wants(stream)) viewer.outlet.lose(count);
    const told: Told[] = [];
    const tell = (items: readonly unknown[], to: readonly Viewer[], batch: () => Batch): void => {
      if (items.length > 0 && to.length > 0) told.push({ batch: batch(), viewers: to });
    };
    const writer = this.#writer;
    const telemetry = this.#telemetry;
    tell(registered, live, () => registeredBatch(registered, writer));
    tell(changes, live, () => statesBatch(changes, writer));
    tell(capabilities, joined, () => capabilitiesBatch(capabilities, writer));
    for (const type of ["coordination.initiated", "coordination.progress"] as const) {
      const events = coordination.filter((event) => event.type === type);
      tell(events, joined, () => coordinationBatch(type, events, writer));
    }
    tell([...said.observe, ...said.inspect], joined, () => messagesBatch(said, writer, telemetry));
    return told;
  }

  /** Tells those who catch up: a little now, and who knows all then joins; what is more, in turns. */
  #catchUp(viewers: readonly Viewer[]): void {
    const endAt = performance.now() + joinMs;
    for (const viewer of viewers) {
      const { missing, outlet } = viewer;
      if (viewer.phase !== "catching-up" || viewer.isServed || outlet.isHeld) continue;
      if (missing.isWhole && !this.#begins(viewer)) continue;
      if (performance.now() < endAt) {
        for (let left = joinMax; left > 0 && missing.size > 0; left -= catchUpMax) finish(this.#piece(viewer));
        if (missing.size === 0) viewer.joins();
      }
      if (missing.size <= joinMax) continue;
      viewer.isServed = true;
      this.#turns.do(this.#serve(viewer));
    }
  }

  #begins(viewer: Viewer): boolean {
    const now = this.#options.now();
    if (Math.abs(now - viewer.begunAt) < againMs * viewer.toldOf) return false;
    viewer.begunAt = now;
    viewer.toldOf = 0;
    return true;
  }

  *#serve(viewer: Viewer): Job {
    try {
      while (viewer.phase === "catching-up" && viewer.missing.size > joinMax && !viewer.outlet.isHeld) {
        yield* this.#piece(viewer);
        yield;
      }
    } finally {
      viewer.isServed = false;
    }
  }

  *#piece(viewer: Viewer): Job {
    const { registered, changes } = viewer.missing.take(catchUpMax, this.#telemetry);
    const only = [viewer];
    viewer.toldOf += registered.length;
    yield* this.#delivery.tell(registeredBatch(registered, this.#writer), only, true);
    yield* this.#delivery.tell(firstStatesBatch(registered, this.#writer), only, true);
    yield* this.#delivery.tell(statesBatch(changes, this.#writer), only, true);
  }
}

function note({ registered, changes }: Happenings, { missing }: Viewer): void {
  for (const agent of registered) missing.registered(agent);
  for (const change of changes) missing.changed(change);
}

/** Does the whole job now. */
function finish(job: Job): void {
  while (job.next().done !== true) continue;
}

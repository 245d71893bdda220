import type { Insight } from "#dialect";
import { Missing } from "./missing.js";
import { outletOf, type Outlet } from "./outlet.js";
import type { Compression, StreamSession } from "./stream-session.js";
import type { ShownStream } from "./stream-name.js";

/**
 * One who looks. It first catches up: it is told of all agents, and joins what all hear. If its socket does not keep up,
 * it catches up again with what it has missed.
 */
export class Viewer {
  readonly session: StreamSession;
  readonly outlet: Outlet;
  insight: Insight;
  readonly missing = new Missing();
  phase: "catching-up" | "live" | "gone" = "catching-up";
  /** It has heard before what all hear: what it misses is counted, and its channels are filled. */
  hasJoined = false;
  /** A job catches up for it. */
  isServed = false;
  /** When it was last begun to tell it of all agents, wall clock, milliseconds; and how many it was told of since. */
  begunAt = -Infinity;
  toldOf = 0;
  /** The step of the layout that it was told last; undefined: it needs all positions. */
  step: number | undefined;
  /** Up to where it knows figures: what {@link Telemetry.changedPerformance} and `changedFlows` take. */
  performanceSince = 0;
  flowsSince = 0;
  #streams: ReadonlySet<string>;

  constructor(session: StreamSession, insight: Insight) {
    this.session = session;
    this.insight = insight;
    this.outlet = outletOf(session);
    this.#streams = session.state.streams;
  }

  get compression(): Compression | undefined {
    return this.session.state.compression;
  }

  get isBinary(): boolean {
    return this.session.state.binary;
  }

  /** It is to hear this. `agent.registered` always comes. */
  wants(stream: ShownStream): boolean {
    return stream === "agent.registered" || this.session.state.streams.has(stream);
  }

  wantsAny(streams: readonly ShownStream[]): boolean {
    return streams.some((stream) => this.session.state.streams.has(stream));
  }

  /** It selects other streams, or sees more or less: what it was not told before it is told from the start. */
  selected(insight: Insight): void {
    const { streams } = this.session.state;
    if (insight !== this.insight) this.startAgain();
    this.insight = insight;
    const isNew = (stream: ShownStream): boolean => streams.has(stream) && !this.#streams.has(stream);
    if (isNew("agent.state.changed")) this.startAgain();
    if (isNew("agent.positions")) this.step = undefined;
    if (isNew("agent.performance.update")) this.performanceSince = 0;
    if (isNew("message.flow.stats")) this.flowsSince = 0;
    this.#streams = streams;
  }

  /** It is told of all agents again. */
  startAgain(): void {
    this.missing.startAgain();
    this.falls();
  }

  /** It no longer hears what all hear, and catches up when it can. */
  falls(): void {
    if (this.phase !== "live") return;
    this.phase = "catching-up";
    this.step = undefined;
  }

  /** It has been told all, and hears what all hear from now on. */
  joins(): void {
    this.phase = "live";
    this.hasJoined = true;
  }
}

import { monitorEventLoopDelay, type IntervalHistogram } from "node:perf_hooks";
import type { Clock, Lifecycle } from "../core/index.js";

/** How late the event loop was, in seconds. */
export interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** How often the delay is measured. */
const resolutionMs = 20;
/** A window is at least this long: of two readers in turn, none must miss a maximum because the other has reset it. */
const windowMs = 10_000;

/**
 * Measures how late the event loop runs what is due. A reading covers the time since the window began; a reading after
 * the window's full length begins a new one.
 */
export class LoopDelayMonitor implements Lifecycle {
  readonly #clock: Clock;
  #histogram: IntervalHistogram | undefined;
  #since = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  start(): Promise<void> {
    this.#histogram = monitorEventLoopDelay({ resolution: resolutionMs });
    this.#histogram.enable();
    this.#since = this.#clock.monotonic();
    return Promise.resolve();
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#histogram?.disable();
    this.#histogram = undefined;
    return Promise.resolve();
  }

  read(): LoopDelay {
    const histogram = this.#histogram;
    if (histogram === undefined || histogram.count === 0) return { p50: 0, p99: 0, max: 0 };
    const read = {
      p50: lateness(histogram.percentile(50)),
      p99: lateness(histogram.percentile(99)),
      max: lateness(histogram.max),
    };
    const now = this.#clock.monotonic();
    if (now - this.#since >= windowMs) {
      histogram.reset();
      this.#since = now;
    }
    return read;
  }
}

/** Node records the whole interval in nanoseconds; the delay is what exceeds the resolution. In seconds. */
function lateness(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - resolutionMs / 1_000);
}

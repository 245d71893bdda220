import type { OpenRequest, Requests } from "../conversation/index.js";
import type { Clock, Envelope } from "../core/index.js";

/** Upper bounds of the buckets in seconds. An exported bucket counts everything up to its bound. */
const bounds: readonly number[] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Counts durations in fixed buckets of plain integers: recording happens for every answer and must be cheap. */
export class LatencyHistogram {
  readonly #counts: number[] = [...bounds, Infinity].map(() => 0);
  #sumMs = 0;

  /** Counts one duration, milliseconds. */
  record(ms: number): void {
    const seconds = ms / 1_000;
    let at = 0;
    while (at < bounds.length && seconds > (bounds[at] ?? Infinity)) at += 1;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sumMs += ms;
  }

  /** The histogram as a metric family in OpenMetrics text. */
  text(name: string, help: string): string {
    let count = 0;
    const buckets = this.#counts.map((here, at) => `${name}_bucket{le="${boundOf(at)}"} ${String((count += here))}`);
    return [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} histogram`,
      ...buckets,
      `${name}_sum ${String(this.#sumMs / 1_000)}`,
      `${name}_count ${String(count)}`,
      "",
    ].join("\n");
  }
}

/** A bound as OpenMetrics writes it: a floating-point number. */
function boundOf(at: number): string {
  const bound = bounds[at];
  if (bound === undefined) return "+Inf";
  return Number.isInteger(bound) ? bound.toFixed(1) : String(bound);
}

/**
 * Open requests that records how long each was open until its answer came. Requests that were withdrawn or timed out
 * are not recorded.
 */
export class MeasuredRequests implements Requests {
  readonly #inner: Requests;
  readonly #clock: Clock;
  readonly #latency: LatencyHistogram;

  constructor(inner: Requests, clock: Clock, latency: LatencyHistogram) {
    this.#inner = inner;
    this.#clock = clock;
    this.#latency = latency;
  }

  get size(): number {
    return this.#inner.size;
  }

  open(request: OpenRequest): () => void {
    const openedAt = this.#clock.monotonic();
    return this.#inner.open({
      ...request,
      answered: (answer) => {
        this.#latency.record(this.#clock.monotonic() - openedAt);
        request.answered?.(answer);
      },
    });
  }

  answer(answer: Envelope): boolean {
    return this.#inner.answer(answer);
  }

  pending(from: string, to: string): OpenRequest | undefined {
    return this.#inner.pending(from, to);
  }

  close(): void {
    this.#inner.close();
  }
}

import type { Clock, Envelope } from "../core/index.js";
import type { OpenRequest, Requests } from "../conversation/index.js";
import type { LatencyHistogram } from "./latency-histogram.js";

/**
 * Open requests, and how long those that were answered had been open. Those that were withdrawn or timed out are not
 * recorded.
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

import type { DeliveryFailure, DeliveryReport } from "./delivery/reports.js";
import { deliveryFailures } from "./delivery/reports.js";

/** So many of the last values are looked at for percentiles. */
const sampleMax = 1_024;

/** Of the last values, milliseconds. */
export interface Percentiles {
  /** How many there were in all. */
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** What a client has done so far. `sent` is always `delivered` + `failed` + `waiting`. */
export interface MetricsReport {
  readonly messages: {
    /** Kept by the outbox, those of earlier runs that still waited included. */
    readonly sent: number;
    readonly delivered: number;
    readonly failed: number;
    readonly waiting: number;
    readonly heard: number;
  };
  readonly failedFor: Readonly<Record<DeliveryFailure, number>>;
  /** From `send` until the receipt, or the ACK where there is none. */
  readonly deliveryMs: Percentiles;
  /** From the start of a connection until its login is done. */
  readonly connectingMs: Percentiles;
  readonly connections: number;
  /** Connections after the first one. */
  readonly reconnections: number;
}

/** Counts what a client does: what the document calls `metrics`, connection time, latency, reconnections. */
export class Metrics {
  readonly #failedFor = Object.fromEntries(deliveryFailures.map((reason) => [reason, 0])) as Record<
    DeliveryFailure,
    number
  >;
  readonly #delivery = new Sample();
  readonly #connecting = new Sample();
  #sent = 0;
  #delivered = 0;
  #failed = 0;
  #heard = 0;
  #connections = 0;

  /** What the outbox tells. */
  report({ state, reason, tookMs }: DeliveryReport): void {
    if (state === "kept") this.#sent += 1;
    if (state === "delivered") {
      this.#delivered += 1;
      if (tookMs !== undefined) this.#delivery.add(tookMs);
    }
    if (state === "failed") {
      this.#failed += 1;
      if (reason !== undefined) this.#failedFor[reason] += 1;
    }
  }

  /** A login is done. @param tookMs milliseconds since the connection was begun */
  connected(tookMs: number): void {
    this.#connections += 1;
    this.#connecting.add(tookMs);
  }

  /** A message was handed to the application. */
  heard(): void {
    this.#heard += 1;
  }

  /** As it is now. */
  read(): MetricsReport {
    const waiting = this.#sent - this.#delivered - this.#failed;
    return {
      messages: { sent: this.#sent, delivered: this.#delivered, failed: this.#failed, waiting, heard: this.#heard },
      failedFor: { ...this.#failedFor },
      deliveryMs: this.#delivery.read(),
      connectingMs: this.#connecting.read(),
      connections: this.#connections,
      reconnections: Math.max(0, this.#connections - 1),
    };
  }
}

/** The last values of something. */
class Sample {
  readonly #values: number[] = [];
  #count = 0;

  add(value: number): void {
    this.#values[this.#count % sampleMax] = value;
    this.#count += 1;
  }

  read(): Percentiles {
    const sorted = [...this.#values].sort((one, other) => one - other);
    const at = (part: number): number => sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? 0;
    return { count: this.#count, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
  }
}

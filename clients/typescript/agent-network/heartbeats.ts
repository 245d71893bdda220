import type { Clock } from "../../../src/core/clock.js";

/** Heartbeats without an echo after which a line counts as lost (Agent Network §12.6). */
export const missedMax = 3;

/** What heartbeats do. */
export interface HeartbeatPorts {
  readonly clock: Clock;
  beat(): void;
  /** Three in a row had no echo. */
  lost(): void;
  /** How many times as far apart as usual: 1 to 4 (Agent Network §12.6). */
  stretch(): number;
}

/** Asks the broker for a sign of life every now and then, and tells when none comes. */
export class Heartbeats {
  readonly #ports: HeartbeatPorts;
  #unanswered = 0;
  #cancel: () => void = () => undefined;

  constructor(ports: HeartbeatPorts) {
    this.#ports = ports;
  }

  /** How many were sent since the last echo. */
  get unanswered(): number {
    return this.#unanswered;
  }

  /** @param intervalMs how far apart they are, milliseconds */
  start(intervalMs: number): void {
    this.stop();
    const wait = (): void => {
      this.#cancel = this.#ports.clock.after(intervalMs * this.#ports.stretch(), () => {
        if (this.#unanswered >= missedMax) {
          this.#ports.lost();
          return;
        }
        this.#unanswered += 1;
        wait();
        this.#ports.beat();
      });
    };
    wait();
  }

  /** One has come back. */
  echoed(): void {
    this.#unanswered = 0;
  }

  stop(): void {
    this.#cancel();
    this.#unanswered = 0;
  }
}

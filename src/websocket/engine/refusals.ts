import { Fault } from "../../core/index.js";

/** Counts what one session was refused; too much in too short a time and the session has to go. */
export class Refusals {
  readonly #max: number;
  readonly #windowMs: number;
  #count = 0;
  #since = -Infinity;

  constructor(max: number, windowMs: number) {
    this.#max = max;
    this.#windowMs = windowMs;
  }

  /**
   * The fault to tell: the one given, or the last one. `nowMs` is monotonic; `catchingUpMs`: what was said in so much
   * time before may be coming in at once.
   */
  judge(fault: Fault, nowMs: number, catchingUpMs = 0): Fault {
    if (nowMs - this.#since > this.#windowMs) {
      this.#since = nowMs;
      this.#count = 0;
    }
    this.#count += 1;
    const max = catchingUpMs === 0 ? this.#max : this.#max * (1 + catchingUpMs / this.#windowMs);
    if (fault.fatal || this.#max === 0 || this.#count < max) return fault;
    return new Fault(
      "rate-limited",
      `refused ${this.#count} times within ${Math.round(this.#windowMs / 1000)} s: ${fault.message}; ` +
        "connect again and go slower",
      { fatal: true },
    );
  }
}

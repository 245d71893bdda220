import type { Clock } from "../core/index.js";

/** A clock that goes only when told. Timers run in the order of their time, then of their setting. */
export class FakeClock implements Clock {
  readonly #wall: number;
  #elapsed = 0;
  #missed = 0;
  /** The last pause, and until when what came meanwhile may still be read. */
  #pause = { ms: 0, until: 0 };
  #timers: { readonly at: number; readonly run: () => void }[] = [];

  constructor(wall = Date.UTC(2026, 0, 1)) {
    this.#wall = wall;
  }

  now(): number {
    return this.#wall + this.#elapsed + this.#missed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  missed(): number {
    return this.#missed;
  }

  catchingUp(): number {
    return this.#elapsed < this.#pause.until ? this.#pause.ms : 0;
  }

  /** The process stands still for `ms`: for all others time goes on, and no timer comes nearer. */
  pause(ms: number): void {
    this.#missed += ms;
    this.#pause = { ms, until: this.#elapsed + 1_000 };
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#elapsed + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.length;
  }

  /** Lets `ms` pass and runs what is due, each at its own time. */
  advance(ms: number): void {
    const end = this.#elapsed + ms;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.#elapsed = Math.max(this.#elapsed, due.at);
      due.run();
    }
    this.#elapsed = end;
  }
}

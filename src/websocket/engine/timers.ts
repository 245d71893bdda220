import type { Clock } from "../../core/index.js";

/** The timers of one session, cleared together when it ends. */
export class Timers {
  readonly #clock: Clock;
  // bound: what the dialect starts, a few per session · evicts: a timer goes when it fires, is cancelled, or the
  // session ends · owner: Timers
  #stops: Set<() => void> | undefined; // none for nearly all sessions, nearly always
  #stage: "open" | "ended" = "open";

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Runs `run` in `ms` milliseconds. The returned function cancels it; a second call does nothing. After the end
   * nothing is started.
   */
  after(ms: number, run: () => void): () => void {
    if (this.#stage === "ended") return () => undefined;
    const stop = (): void => {
      cancel();
      this.#stops?.delete(stop);
    };
    const cancel = this.#clock.after(ms, () => {
      this.#stops?.delete(stop);
      run();
    });
    (this.#stops ??= new Set()).add(stop);
    return stop;
  }

  end(): void {
    this.#stage = "ended";
    for (const stop of [...(this.#stops ?? [])]) stop();
  }
}

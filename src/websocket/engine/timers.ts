import type { Connection } from "../../dialect/index.js";

/**
 * The timers of one session, cleared together when it ends. What its peer said before a timer was due is dealt with
 * before it runs, whether it waits for its turn or behind a command of its own.
 */
export class Timers {
  readonly #connection: Pick<Connection, "deadline">;
  readonly #loop: () => { afterSaid(run: () => void): void } | undefined;
  // bound: what the dialect starts, a few per session · evicts: a timer goes when it fires, is cancelled, or the
  // session ends · owner: Timers
  #stops: Set<() => void> | undefined; // none for nearly all sessions, nearly always
  #stage: "open" | "ended" = "open";

  constructor(connection: Pick<Connection, "deadline">, loop: () => { afterSaid(run: () => void): void } | undefined) {
    this.#connection = connection;
    this.#loop = loop;
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
    const finish = (): void => {
      if (this.#stops?.delete(stop) === true) run();
    };
    const cancel = this.#connection.deadline(ms, () => {
      const loop = this.#loop();
      if (loop === undefined) finish();
      else loop.afterSaid(finish);
    });
    (this.#stops ??= new Set()).add(stop);
    return stop;
  }

  end(): void {
    this.#stage = "ended";
    for (const stop of [...(this.#stops ?? [])]) stop();
  }
}

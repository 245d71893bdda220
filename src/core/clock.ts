/**
 * The broker's source of time; tests use a fake one. One rule holds for every duration and deadline (protocols §0.10):
 * time in which our own loop did not run does not count, and what has arrived meanwhile is read before anybody is
 * judged.
 */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. For timestamps that people and agents read. */
  now(): number;
  /** Monotonic milliseconds in which our loop ran. For every duration and deadline. */
  monotonic(): number;
  /** Calls `run` once after `ms` milliseconds of {@link monotonic}; the returned function cancels it. */
  after(ms: number, run: () => void): () => void;
  /**
   * Milliseconds that {@link monotonic} has left out so far: `monotonic() + missed()` is how long it was for others.
   */
  missed(): number;
  /**
   * How many milliseconds were left out so lately that what others sent meanwhile may still be coming in, all at once;
   * nearly always 0. What counts by time how much others say allows for as much more.
   */
  catchingUp(): number;
}

/** Longest delay of a Node timer, milliseconds; a longer one would run at once. */
export const timerMaxMs = 2 ** 31 - 1;

/**
 * The machine's own clock, for tools that do their work and end: it leaves nothing out. Its timers do not keep the
 * process alive.
 */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  missed: () => 0,
  catchingUp: () => 0,
  after(ms, run) {
    let timer: NodeJS.Timeout;
    const wait = (left: number): void => {
      timer = setTimeout(
        () => {
          if (left > timerMaxMs) wait(left - timerMaxMs);
          else run();
        },
        Math.min(left, timerMaxMs),
      );
      timer.unref();
    };
    wait(ms);
    return () => {
      clearTimeout(timer);
    };
  },
};

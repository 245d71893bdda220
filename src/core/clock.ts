/** The broker's source of time; tests use a fake one. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. For timestamps that people and agents read. */
  now(): number;
  /** Monotonic milliseconds. For every duration and deadline. */
  monotonic(): number;
  /** Calls `run` once after `ms` milliseconds; the returned function cancels it. */
  after(ms: number, run: () => void): () => void;
}

/** Longest delay of a Node timer, milliseconds; a longer one would run at once. */
export const timerMaxMs = 2 ** 31 - 1;

/** The machine's own clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
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

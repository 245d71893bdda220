/** Time as the broker sees it; tests put a fake one in its place. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. For timestamps that people and agents read. */
  now(): number;
  /** Monotonic milliseconds. For every duration and deadline. */
  monotonic(): number;
  /** Calls `run` once after `ms` milliseconds; the returned function cancels it. */
  after(ms: number, run: () => void): () => void;
}

/** The machine's own clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
};

import { timerMaxMs, type Clock } from "../../../src/core/clock.js";

/** A timer that comes late by more than this has met a loop that did not read, milliseconds. */
const lateMs = 1_000;
/** So long after a late timer the loop reads before the timer runs, milliseconds. */
const readMs = 100;

/**
 * The clock of a client, in Node and in browsers. After a laptop's sleep, or in a tab that the browser slows down,
 * timers come late: what has arrived meanwhile is read first, and each timer runs once however late it is. So a pause
 * costs one heartbeat or one try at most. Its timers do not keep a process alive.
 */
export class ClientClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  missed(): number {
    return 0;
  }

  catchingUp(): number {
    return 0;
  }

  after(ms: number, run: () => void): () => void {
    const dueAt = performance.now() + ms;
    let hasRead = false;
    let timer: ReturnType<typeof setTimeout>;
    const wait = (forMs: number): void => {
      timer = setTimeout(
        () => {
          const lateByMs = performance.now() - dueAt;
          if (lateByMs < -1) wait(-lateByMs);
          else if (lateByMs > lateMs && !hasRead) {
            hasRead = true;
            wait(readMs);
          } else run();
        },
        Math.min(forMs, timerMaxMs),
      );
      release(timer);
    };
    wait(Math.max(0, ms));
    return () => {
      clearTimeout(timer);
    };
  }
}

/** Lets the process end. In browsers a timer is a number, and there is nothing to let end. */
function release(timer: NodeJS.Timeout | number): void {
  if (typeof timer !== "number") timer.unref();
}

import type { Course } from "./scenario.js";

/**
 * Lets this process's wall clock jump: `Date` is moved, timers and the monotonic clock go on. Put back at the end of
 * the scenario.
 * @returns sets the distance from the true time, milliseconds
 */
export function jumpingClock(course: Course): (offsetMs: number) => void {
  const TrueDate = Date;
  let offset = 0;
  class JumpingDate extends TrueDate {
    static override now(): number {
      return TrueDate.now() + offset;
    }

    constructor(...given: readonly unknown[]) {
      super(...((given.length === 0 ? [TrueDate.now() + offset] : given) as [number]));
    }
  }
  globalThis.Date = JumpingDate as DateConstructor;
  course.finally(() => {
    globalThis.Date = TrueDate;
  });
  return (offsetMs) => {
    offset = offsetMs;
  };
}

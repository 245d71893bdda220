import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ClientClock } from "../../../clients/typescript/shared/client-clock.js";

describe("the clock of a client", () => {
  let now = 0;
  let timers: { readonly id: number; readonly at: number; readonly run: () => void }[] = [];

  /** Time passes, as in a browser: timers are numbers, and may run late. */
  const pass = (ms: number): void => {
    now += ms;
    for (const timer of timers.filter(({ at }) => at <= now)) {
      timers = timers.filter((other) => other !== timer);
      timer.run();
    }
  };

  beforeEach(() => {
    now = 1_000;
    timers = [];
    let ids = 0;
    vi.stubGlobal("performance", { now: () => now });
    vi.stubGlobal("setTimeout", (run: () => void, ms: number) => {
      ids += 1;
      timers.push({ id: ids, at: now + ms, run });
      return ids;
    });
    vi.stubGlobal("clearTimeout", (id: number) => {
      timers = timers.filter((timer) => timer.id !== id);
    });
  });

  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it("runs a timer once, when its time has come", () => {
    const run = vi.fn();
    new ClientClock().after(500, run);
    pass(499);
    expect(run).not.toHaveBeenCalled();
    pass(1);
    expect(run).toHaveBeenCalledOnce();
    expect(timers).toEqual([]);
  });

  it("does not run what was cancelled", () => {
    const run = vi.fn();
    new ClientClock().after(500, run)();
    pass(1_000);
    expect(run).not.toHaveBeenCalled();
  });

  it("reads first what has come during a sleep, however long, and runs then", () => {
    const run = vi.fn();
    new ClientClock().after(500, run);
    pass(3_600_000);
    expect(run).not.toHaveBeenCalled();
    pass(100);
    expect(run).toHaveBeenCalledOnce();
  });

  it("waits longer than a timer can", () => {
    const run = vi.fn();
    const days = 60 * 24 * 3_600_000;
    new ClientClock().after(days, run);
    pass(2 ** 31 - 1);
    expect(run).not.toHaveBeenCalled();
    pass(days - 2 ** 31 + 1);
    expect(run).toHaveBeenCalledOnce();
  });

  it("lets a process of Node end, and knows both times", () => {
    const unref = vi.fn();
    vi.stubGlobal("setTimeout", () => ({ unref }));
    const clock = new ClientClock();
    clock.after(500, () => undefined);
    expect(unref).toHaveBeenCalledOnce();
    expect(clock.monotonic()).toBe(1_000);
    expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1_000);
    expect([clock.missed(), clock.catchingUp()]).toEqual([0, 0]);
  });
});

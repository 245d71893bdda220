import { describe, expect, it } from "vitest";
import { defaultLimits, systemClock } from "../../src/core/index.js";

describe("the machine's clock", () => {
  it("calls once after its time, and not when it was called off", async () => {
    const log: string[] = [];
    const cancel = systemClock.after(1, () => log.push("called off"));
    cancel();
    const before = systemClock.monotonic();
    await new Promise<void>((resolve) => {
      systemClock.after(20, () => {
        log.push("called");
        resolve();
      });
    });
    expect(log).toEqual(["called"]);
    expect(systemClock.monotonic() - before).toBeGreaterThanOrEqual(19);
  });

  it("tells the wall clock in milliseconds", () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1_000);
  });
});

describe("the limits", () => {
  it("are numbers that nobody changes by accident", () => {
    expect(Object.isFrozen(defaultLimits)).toBe(true);
    for (const [name, value] of Object.entries(defaultLimits)) expect(value, name).toBeGreaterThanOrEqual(0);
  });
});

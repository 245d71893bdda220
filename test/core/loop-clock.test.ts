import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { LoopClock, roundMaxMs } from "../../src/core/index.js";

/** Lets the whole thread stand still, as SIGSTOP does. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

const fires = (clock: LoopClock, ms: number): Promise<number> =>
  new Promise((resolve) => {
    clock.after(ms, () => {
      resolve(clock.monotonic());
    });
  });

describe("the clock of a loop", () => {
  it("calls once after its time, and not when it was called off", async () => {
    const clock = new LoopClock();
    const log: string[] = [];
    clock.after(1, () => log.push("called off"))();
    const before = clock.monotonic();
    expect((await fires(clock, 20)) - before).toBeGreaterThanOrEqual(18);
    expect(log).toEqual([]);
    expect([clock.missed(), clock.catchingUp()]).toEqual([0, 0]);
  });

  it("leaves out while the loop stood still, at once and ever after, and never goes back", async () => {
    const clock = new LoopClock();
    const waited = fires(clock, 1_500);
    await pause(150);
    const before = clock.monotonic();
    standStill(1_000);
    const after = clock.monotonic();
    expect(after - before).toBeLessThanOrEqual(roundMaxMs);
    expect(clock.missed()).toBeGreaterThan(750);
    expect(clock.catchingUp()).toBeGreaterThan(750);
    await waited;
    expect(clock.monotonic()).toBeGreaterThan(after);
    expect(clock.missed()).toBeGreaterThan(750);
    expect(clock.catchingUp(), "after a second all has been read").toBe(0);
  });

  it("gives a deadline the time that was left when the loop stood still", async () => {
    const clock = new LoopClock();
    const begun = clock.monotonic();
    const due = fires(clock, 600);
    await pause(120);
    standStill(1_000);
    expect((await due) - begun).toBeGreaterThanOrEqual(598);
  });

  it("lets the loop read before a deadline that passed meanwhile", async () => {
    const clock = new LoopClock();
    const log: string[] = [];
    clock.after(30, () => log.push("judged"));
    setTimeout(() => log.push("another timer"), 40);
    standStill(500);
    await pause(5);
    setImmediate(() => log.push("read"));
    await pause(300);
    expect(log).toEqual(["another timer", "read", "judged"]);
  });

  it("lets what came before a deadline be heard first, and does not wait for what came later", async () => {
    const clock = new LoopClock();
    const log: string[] = [];
    let unheardSince = clock.monotonic();
    clock.hearFirst(() => unheardSince);
    clock.after(1_000, () => log.push("judged"));
    const early = fires(clock, 5);
    await early;
    expect(log, "a short one waits as long again at most").toEqual([]);
    await pause(1_050);
    expect(log, "its time is over").toEqual([]);
    log.push("heard");
    unheardSince = clock.monotonic();
    await pause(60);
    expect(log).toEqual(["heard", "judged"]);
  });

  it("waits for as long again at most, however much comes", async () => {
    const clock = new LoopClock();
    clock.hearFirst(() => 0);
    const began = clock.monotonic();
    await fires(clock, 50);
    expect(clock.monotonic() - began).toBeGreaterThanOrEqual(98);
  });

  it("counts all the time while nobody waits for anything", () => {
    const clock = new LoopClock();
    const before = clock.monotonic();
    standStill(400);
    expect(clock.monotonic() - before).toBeGreaterThanOrEqual(399);
    expect(clock.missed()).toBe(0);
  });
});

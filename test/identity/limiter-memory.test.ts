import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LimiterMemory } from "../../src/identity/index.js";
import { FakeClock } from "../../src/conformance/fake-clock.js";

function start(bucketsMax = 10): { limiter: LimiterMemory; clock: FakeClock } {
  const clock = new FakeClock();
  return { limiter: new LimiterMemory({ limits: { bucketsMax }, clock }), clock };
}

const rate = { perSecond: 5, burst: 10 };

describe("limiter", () => {
  it("lets a burst pass and then says how long to wait", () => {
    const { limiter } = start();
    const answers = Array.from({ length: 12 }, () => limiter.take("ada", rate));
    expect(answers).toEqual([...Array.from({ length: 10 }, () => 0), 200, 200]);
  });

  it("lets one more pass exactly when it said", () => {
    const { limiter, clock } = start();
    for (let i = 0; i < 10; i += 1) limiter.take("ada", rate);
    clock.advance(199);
    expect(limiter.take("ada", rate)).toBe(1);
    clock.advance(1);
    expect(limiter.take("ada", rate)).toBe(0);
    expect(limiter.take("ada", rate)).toBe(200);
  });

  it("tells without taking how long it would be", () => {
    const { limiter } = start();
    for (let i = 0; i < 9; i += 1) limiter.take("ada", rate);
    expect([limiter.ask("ada", rate), limiter.ask("ada", rate), limiter.ask("ada", rate, 2)]).toEqual([0, 0, 200]);
    expect(limiter.take("ada", rate)).toBe(0);
    expect(limiter.ask("ada", rate)).toBe(200);
  });

  it("keeps no more than the burst however long it waits", () => {
    const { limiter, clock } = start();
    clock.advance(3_600_000);
    expect(limiter.take("ada", rate, 10)).toBe(0);
    expect(limiter.take("ada", rate)).toBe(200);
  });

  it("lets pass after a pause of our loop what would have flowed meanwhile, once, and for a moment", () => {
    const { limiter, clock } = start();
    expect(limiter.take("ada", rate, 10)).toBe(0);
    clock.pause(4_000);
    for (let i = 0; i < 20; i += 1) expect(limiter.take("ada", rate)).toBe(0);
    expect(limiter.take("ada", rate)).toBe(200);
    for (let i = 0; i < 30; i += 1) expect(limiter.take("newcomer", rate)).toBe(0);
    expect(limiter.take("newcomer", rate)).toBe(200);
    clock.pause(4_000);
    clock.advance(2_000);
    for (let i = 0; i < 10; i += 1) expect(limiter.take("ada", rate)).toBe(0);
    expect(limiter.take("ada", rate)).toBe(200);
  });

  it("counts each key apart", () => {
    const { limiter } = start();
    expect(limiter.take("ada", rate, 10)).toBe(0);
    expect(limiter.take("bob", rate, 10)).toBe(0);
  });

  it("lets everything pass at a rate of 0, which is off, and keeps nothing of it", () => {
    const { limiter } = start();
    for (let i = 0; i < 1_000; i += 1) expect(limiter.take("ada", { perSecond: 0, burst: 0 })).toBe(0);
    expect(limiter.size).toBe(0);
  });

  it("lets what costs more than the burst pass when the bucket is full", () => {
    const { limiter, clock } = start();
    expect(limiter.take("ada", rate, 50)).toBe(0);
    const wait = limiter.take("ada", rate, 50);
    expect(wait).toBe(2_000);
    clock.advance(wait);
    expect(limiter.take("ada", rate, 50)).toBe(0);
  });

  it("starts anew with a key that was forgotten", () => {
    const { limiter } = start();
    limiter.take("ada", rate, 10);
    limiter.forget("ada");
    expect(limiter.take("ada", rate, 10)).toBe(0);
  });

  it("begins a bucket with what is left in another one, or full", () => {
    const { limiter } = start();
    for (let i = 0; i < 10; i += 1) limiter.take("ada", rate);
    limiter.copy("ada", "zoe");
    limiter.copy("nobody", "bob");
    expect([limiter.take("zoe", rate), limiter.take("bob", rate)]).toEqual([200, 0]);
  });

  it.each([
    [{ perSecond: NaN, burst: 10 }, 1],
    [{ perSecond: 5, burst: NaN }, 1],
    [{ perSecond: -1, burst: 10 }, 1],
    [{ perSecond: 5, burst: 10 }, NaN],
    [{ perSecond: 5, burst: 10 }, -1],
  ])("refuses a rate %j and a cost %d, and keeps nothing of them", (bad, cost) => {
    const { limiter } = start();
    for (let i = 0; i < 10; i += 1) limiter.take("ada", rate);
    expect(() => limiter.take("ada", bad, cost)).toThrow(RangeError);
    expect(limiter.take("ada", rate)).toBe(200);
  });

  it("forgets the key that was not used for longest when there are too many", () => {
    const { limiter } = start(2);
    limiter.take("ada", rate, 10);
    limiter.take("bob", rate, 10);
    limiter.take("ada", rate, 0);
    limiter.take("eve", rate, 10);
    expect(limiter.size).toBe(2);
    expect(limiter.take("ada", rate)).toBeGreaterThan(0);
    expect(limiter.take("bob", rate)).toBe(0);
  });

  it("never lets more pass than burst and inflow allow", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 1, max: 4 })), { maxLength: 100 }),
        (steps) => {
          const { limiter, clock } = start();
          let passed = 0;
          for (const [ms, cost] of steps) {
            clock.advance(ms);
            if (limiter.take("ada", rate, cost) === 0) passed += cost;
            expect(passed).toBeLessThanOrEqual(rate.burst + (clock.monotonic() * rate.perSecond) / 1000 + 1e-3);
          }
        },
      ),
    );
  });
});

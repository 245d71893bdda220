import { describe, expect, it } from "vitest";
import { Pace } from "../../../../clients/typescript/agent-network/delivery/pace.js";
import { FakeClock } from "../../../../src/conformance/fake-clock.js";

/** How many messages may be said within so many milliseconds, one after the other as soon as each may. */
function within(pace: Pace, clock: FakeClock, ms: number): number {
  const end = clock.monotonic() + ms;
  let said = 0;
  for (;;) {
    const waitMs = pace.take();
    if (waitMs === 0) said += 1;
    else if (clock.monotonic() + waitMs > end) {
      clock.advance(end - clock.monotonic());
      return said;
    } else clock.advance(waitMs);
  }
}

/** How fast it is, of 11, 22, 45 and 90 messages in a second; timers round to a millisecond each. */
function perSecond(pace: Pace, clock: FakeClock): string {
  const said = within(pace, clock, 1_000);
  return `about ${[11, 22, 45, 90].find((speed) => said > speed * 0.9 && said <= speed + 1) ?? said}`;
}

describe("the pace of a client", () => {
  it("is 45 at once and 9 a second, below what a broker allows that does not tell", () => {
    const clock = new FakeClock();
    const pace = new Pace(clock);
    expect(within(pace, clock, 0)).toBe(45);
    expect(within(pace, clock, 10_000)).toBe(90);
    clock.advance(3_600_000);
    expect(within(pace, clock, 0)).toBe(45);
  });

  it("is nine tenths of what the broker tells, and what was saved up is not had twice", () => {
    const clock = new FakeClock();
    const pace = new Pace(clock);
    expect(within(pace, clock, 0)).toBe(45);
    pace.set({ messagesPerSecond: 100, messageBurst: 1_000 });
    expect(within(pace, clock, 0)).toBe(0);
    expect(within(pace, clock, 1_000)).toBe(90);
    clock.advance(60_000);
    expect(within(pace, clock, 0)).toBe(900);
  });

  it("has no limit where the broker has none", () => {
    const clock = new FakeClock();
    const pace = new Pace(clock);
    pace.set({ messagesPerSecond: 0, messageBurst: 0 });
    for (let n = 0; n < 10_000; n += 1) expect(pace.take()).toBe(0);
  });

  it.each([Number.NaN, Infinity, -1, undefined])("takes %s for a broker that does not tell", (value) => {
    const clock = new FakeClock();
    const pace = new Pace(clock);
    pace.set(value === undefined ? {} : { messagesPerSecond: value, messageBurst: value });
    expect(within(pace, clock, 0)).toBe(45);
    expect(within(pace, clock, 1_000)).toBe(9);
  });

  it("says one at a time where the broker allows less than one", () => {
    const clock = new FakeClock();
    const pace = new Pace(clock);
    pace.set({ messagesPerSecond: 0.000_1, messageBurst: 0 });
    expect(within(pace, clock, 0)).toBe(1);
    expect(within(pace, clock, 60_000)).toBe(6);
  });

  it("halves with a refusal, down to an eighth, and comes back when there is none for a while", () => {
    const clock = new FakeClock();
    const pace = new Pace(clock);
    pace.set({ messagesPerSecond: 100, messageBurst: 10 });
    pace.slow(2_000);
    expect(within(pace, clock, 1_900)).toBe(0);
    pace.slow(2_000); // refused together with the one before
    expect(within(pace, clock, 2_000)).toBe(0);
    expect(perSecond(pace, clock)).toBe("about 45");
    for (let n = 0; n < 10; n += 1) {
      pace.slow(1_000);
      clock.advance(1_000);
    }
    expect(perSecond(pace, clock)).toBe("about 11");
    for (const speed of ["about 22", "about 45", "about 90", "about 90"]) {
      clock.advance(29_000);
      within(pace, clock, 1_000);
      expect(perSecond(pace, clock)).toBe(speed);
    }
  });

  it("slows down a broker's refusal also where there was no limit", () => {
    const clock = new FakeClock();
    const pace = new Pace(clock);
    pace.set({ messagesPerSecond: 0 });
    pace.slow(1_000);
    expect(pace.take()).toBe(1_000);
    clock.advance(1_000);
    expect(within(pace, clock, 1_000)).toBe(5);
    clock.advance(60_000);
    expect(pace.take()).toBe(0);
  });
});

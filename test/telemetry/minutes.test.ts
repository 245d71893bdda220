import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Minutes } from "../../src/telemetry/minutes.js";

describe("figures of the last two minutes", () => {
  it("are what was added in each of them", () => {
    const minutes = new Minutes(["a", "b"], 0);
    for (let at = 0; at < 120_000; at += 1_000) minutes.add(at < 60_000 ? "a" : "b", 1, at);
    expect([0, 1].map((back) => minutes.sum("a", back as 0 | 1, 120_000))).toEqual([0, 60]);
    expect([0, 1].map((back) => minutes.sum("b", back as 0 | 1, 120_000))).toEqual([60, 0]);
    expect(minutes.sum("b", 1, 180_000)).toBe(60);
    expect(minutes.sum("b", 1, 250_000)).toBe(0);
  });

  it("count what is added in this moment", () => {
    const minutes = new Minutes(["a"], 70_000);
    minutes.add("a", 3, 70_000);
    expect(minutes.sum("a", 0, 70_000)).toBe(3);
  });

  it("hold of what lasted exactly the time that lies in the last minute, whenever it began and whenever one asks", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40_000), { minLength: 1, maxLength: 30 }), (spans) => {
        const minutes = new Minutes(["busy"], 0);
        const busy: (readonly [number, number])[] = [];
        let now = 0;
        for (const [place, span] of spans.entries()) {
          if (place % 2 === 0) {
            minutes.addTime("busy", now, now + span);
            busy.push([now, now + span]);
          }
          now += span;
          const exact = busy.reduce((sum, [from, to]) => sum + Math.max(0, to - Math.max(from, now - 60_000)), 0);
          // The oldest part lies in the last minute with a share of its time: off by a quarter of it at most.
          expect(Math.abs(minutes.sum("busy", 0, now) - exact)).toBeLessThanOrEqual(2_500 + 1e-6);
        }
      }),
    );
  });
});

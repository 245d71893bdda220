import { describe, expect, it } from "vitest";
import { Backoff } from "../../../clients/typescript/shared/backoff.js";

describe("the back-off of clients", () => {
  it("waits longer each time, never above 30 s, each wait moved by up to a fifth", () => {
    const [lows, highs] = [() => 0, () => 0.999].map((random) => {
      const backoff = new Backoff(0, random);
      return Array.from({ length: 20 }, () => backoff.next());
    });
    expect(lows?.slice(0, 4)).toEqual([0, 800, 1_200, 1_800]);
    expect(highs?.slice(0, 2)).toEqual([0, expect.closeTo(1_199.6, 1)]);
    expect(lows?.at(-1)).toBe(24_000);
    expect(highs?.at(-1)).toBe(30_000);
  });

  it("starts anew only after a connection that was ready for long enough", () => {
    let now = 0;
    const backoff = new Backoff(
      10_000,
      () => 0,
      () => now,
    );
    backoff.next();
    backoff.ready();
    now += 9_999;
    backoff.lost();
    expect(backoff.next()).toBe(800);
    backoff.ready();
    now += 10_000;
    backoff.lost();
    expect(backoff.next()).toBe(0);
  });

  it("starts anew after every connection that was ready, if none has to be steady", () => {
    const backoff = new Backoff(0, () => 0);
    backoff.next();
    backoff.next();
    backoff.ready();
    backoff.lost();
    expect(backoff.next()).toBe(0);
  });
});

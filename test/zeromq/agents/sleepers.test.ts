import { describe, expect, it } from "vitest";
import { Sleepers } from "../../../src/zeromq/agents/sleepers.js";

describe("sleeping subscriptions", () => {
  it("are tried again in turn, a bounded number in each round, the longest untried first", () => {
    const sleepers = new Sleepers();
    const tried: number[] = [];
    for (let n = 0; n < 2_500; n += 1) sleepers.add({ tryAgain: () => tried.push(n) < 0 });
    for (const expected of [1_000, 2_000, 3_000]) {
      sleepers.round();
      expect(tried).toHaveLength(expected);
    }
    expect(new Set(tried).size).toBe(2_500);
    expect(tried.slice(2_500)).toEqual(Array.from({ length: 500 }, (_, n) => n));
  });

  it("leave when they wake or are cancelled", () => {
    const sleepers = new Sleepers();
    let awake = false;
    sleepers.add({ tryAgain: () => awake });
    const cancel = sleepers.add({ tryAgain: () => false });
    sleepers.round();
    expect(sleepers.size).toBe(2);
    awake = true;
    sleepers.round();
    cancel();
    expect(sleepers.size).toBe(0);
  });
});

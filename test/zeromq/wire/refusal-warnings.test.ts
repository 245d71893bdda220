import { describe, expect, it } from "vitest";
import { Warnings } from "../../../src/zeromq/wire/refusal-warnings.js";

describe("warnings", () => {
  it("come once per address and minute", () => {
    const warnings = new Warnings(10);
    expect([0, 1, 59_999, 60_000, 60_001].map((now) => warnings.allow("10.0.0.1", now))).toEqual([
      true,
      false,
      false,
      true,
      false,
    ]);
    expect(warnings.allow("10.0.0.2", 60_001)).toBe(true);
  });

  it("forget the address warned of longest ago when there are too many", () => {
    const warnings = new Warnings(2);
    for (const address of ["a", "b", "c"]) expect(warnings.allow(address, 0)).toBe(true);
    expect([warnings.allow("c", 1), warnings.allow("b", 1), warnings.allow("a", 1)]).toEqual([false, false, true]);
  });
});

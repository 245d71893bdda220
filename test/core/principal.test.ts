import { describe, expect, it } from "vitest";
import { Fault, asFault, faultCodes, principal, provesAtLeast, type Trust } from "../../src/core/index.js";

describe("trust", () => {
  it("is ranked: claimed, shared, proved", () => {
    const ranked: readonly Trust[] = ["claimed", "shared", "proved"];
    ranked.forEach((held, h) => {
      ranked.forEach((needed, n) => {
        expect(provesAtLeast(held, needed)).toBe(h >= n);
      });
    });
  });
});

describe("a principal", () => {
  it("is shown by its name unless it says otherwise", () => {
    expect(principal("ada", "claimed")).toEqual({
      agent: "ada",
      displayName: "ada",
      trust: "claimed",
      proof: undefined,
      scopes: new Set(),
    });
    expect(principal("ada", "proved", { displayName: "Ada", proof: "p", scopes: ["observe"] })).toEqual({
      agent: "ada",
      displayName: "Ada",
      trust: "proved",
      proof: "p",
      scopes: new Set(["observe"]),
    });
  });
});

describe("a fault", () => {
  it("carries what its peer may know and, apart, its cause", () => {
    const cause = new Error("disk");
    const fault = new Fault("rate-limited", "too fast", {
      detail: { field: "to" },
      cause,
      retryAfterMs: 5,
      fatal: true,
    });
    expect(fault).toMatchObject({
      code: "rate-limited",
      message: "too fast",
      detail: { field: "to" },
      retryAfterMs: 5,
      fatal: true,
      cause,
    });
    expect(new Fault("full", "x").fatal).toBe(false);
    expect("cause" in new Fault("full", "x")).toBe(false);
  });

  it("is made of whatever was thrown, and tells the peer nothing of it", () => {
    const fault = new Fault("full", "x");
    expect(asFault(fault)).toBe(fault);
    for (const thrown of [new Error("secret path"), "text", undefined]) {
      const made = asFault(thrown);
      expect([made.code, made.cause]).toEqual(["internal", thrown]);
      expect(made.message).not.toContain("secret");
    }
    expect(new Set(faultCodes).size).toBe(faultCodes.length);
  });
});

import { describe, expect, it } from "vitest";
import { RefusalWarnings } from "../../../src/zeromq/wire/refusal-warnings.js";
import { FakeClock } from "../../../src/conformance/fake-clock.js";

function warnings(max: number): {
  readonly clock: FakeClock;
  readonly isLogged: (address: string, reason?: string) => boolean;
} {
  const clock = new FakeClock();
  const logged: unknown[] = [];
  const refused = new RefusalWarnings(max, clock, (event, fields) => logged.push({ event, ...fields }));
  const isLogged = (address: string, reason = "zmtp-full"): boolean => {
    const before = logged.length;
    refused.warn("in", address, "n".repeat(500), reason, "come later");
    return logged.length > before;
  };
  return { clock, isLogged };
}

describe("warnings of refused clients", () => {
  it("come once per address, reason and minute", () => {
    const { clock, isLogged } = warnings(10);
    const after = (ms: number): boolean => {
      clock.advance(ms);
      return isLogged("10.0.0.1");
    };
    expect([0, 1, 59_998, 1, 1].map((ms) => after(ms))).toEqual([true, false, false, true, false]);
    expect(isLogged("10.0.0.2")).toBe(true);
    expect(isLogged("10.0.0.2", "zmtp-hello")).toBe(true);
  });

  it("count a network of IPv6 as one address", () => {
    const { isLogged } = warnings(10);
    expect(["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"].map((address) => isLogged(address))).toEqual([
      true,
      false,
      true,
    ]);
  });

  it("forget the address warned of longest ago when there are too many", () => {
    const { isLogged } = warnings(2);
    for (const address of ["a", "b", "c"]) expect(isLogged(address)).toBe(true);
    expect([isLogged("c"), isLogged("b"), isLogged("a")]).toEqual([false, false, true]);
  });

  it("say which door, address and name, the reason and the remedy, and cut what the client chose", () => {
    const logged: unknown[] = [];
    const refused = new RefusalWarnings(1, new FakeClock(), (event, fields) => logged.push({ event, ...fields }));
    refused.warn("out", "10.0.0.1", "n".repeat(500), "zmtp-full", "come later");
    expect(logged).toMatchObject([
      { event: "zeromq client refused", door: "out", address: "10.0.0.1", reason: "zmtp-full", remedy: "come later" },
    ]);
    expect(JSON.stringify(logged).length).toBeLessThan(300);
  });
});

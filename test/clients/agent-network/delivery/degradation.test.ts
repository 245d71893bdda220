import { describe, expect, it } from "vitest";
import { Degradation, type DegradedReport } from "../../../../clients/typescript/agent-network/delivery/degradation.js";
import { FakeClock } from "../../../../src/conformance/fake-clock.js";

function begun(): { clock: FakeClock; degradation: Degradation; told: DegradedReport[] } {
  const clock = new FakeClock();
  const told: DegradedReport[] = [];
  return { clock, told, degradation: new Degradation(clock, (report) => told.push(report)) };
}

describe("a client whose line goes on being bad", () => {
  it("has heartbeats twice, then four times as far apart, and tells why and what remedies it", () => {
    const { degradation, told } = begun();
    degradation.trouble("line-lost");
    expect(degradation.heartbeatMs(30_000)).toBe(30_000);
    expect(told).toEqual([]);
    degradation.trouble("no-echo");
    expect(degradation.heartbeatMs(30_000)).toBe(60_000);
    for (let n = 0; n < 100; n += 1) degradation.trouble("refused-login");
    expect(degradation.heartbeatMs(30_000)).toBe(120_000);
    expect(told).toMatchObject([
      { state: "degraded", heartbeatFactor: 2, trouble: "no-echo", lately: 2 },
      { state: "degraded", heartbeatFactor: 4, trouble: "refused-login", lately: 3 },
    ]);
    expect(told[1]?.message).toContain("look at the token");
    expect(told[1]?.message).toContain("sealed as ever");
  });

  it("is as before five minutes after its troubles, step by step, and tells so", () => {
    const { clock, degradation, told } = begun();
    for (const at of [0, 60_000, 60_000]) {
      clock.advance(at);
      degradation.trouble("line-lost");
    }
    clock.advance(180_000);
    expect(degradation.factor).toBe(2);
    clock.advance(60_000);
    expect(degradation.factor).toBe(1);
    expect(told.at(-1)).toMatchObject({ state: "restored", message: "the line is good again" });
    clock.advance(600_000);
    expect(told).toHaveLength(4);
    expect(clock.waiting).toBe(0);
  });

  it("one trouble now and then is none", () => {
    const { clock, degradation, told } = begun();
    for (let n = 0; n < 20; n += 1) {
      degradation.trouble("sealing");
      clock.advance(301_000);
    }
    expect(told).toEqual([]);
  });

  it("leaves no timer once closed", () => {
    const { clock, degradation } = begun();
    degradation.trouble("line-lost");
    degradation.close();
    expect(clock.waiting).toBe(0);
  });
});

import { describe, expect, it } from "vitest";
import { defaultLimits, type Limits } from "../../../src/core/index.js";
import { Crowd } from "../../../src/websocket/edge/crowd.js";
import { FakeClock } from "../../kit/fake-clock.js";

function crowd(limits: Partial<Limits>): { readonly crowd: Crowd; readonly clock: FakeClock } {
  const clock = new FakeClock();
  return { crowd: new Crowd({ limits: { ...defaultLimits, ...limits }, clock }), clock };
}

describe("connections of one address", () => {
  it("are so many at once; one that goes makes room, once", () => {
    const { crowd: it } = crowd({ wsConnectionsPerAddressMax: 2 });
    const leave = it.enter("192.0.2.1");
    it.enter("192.0.2.1");
    expect(it.enter("192.0.2.1")).toBe("ws-address-full");
    expect(typeof it.enter("192.0.2.2")).toBe("function");
    if (typeof leave === "function") for (let time = 0; time < 2; time += 1) leave();
    expect([typeof it.enter("192.0.2.1"), it.enter("192.0.2.1")]).toEqual(["function", "ws-address-full"]);
  });

  it("come so fast, and slower ones again", () => {
    const { crowd: it, clock } = crowd({ wsHandshakesPerSecond: 2, wsHandshakesBurst: 3 });
    const come = (): string => (typeof it.enter("192.0.2.1") === "function" ? "in" : "hasty");
    expect([come(), come(), come(), come()]).toEqual(["in", "in", "in", "hasty"]);
    clock.advance(500);
    expect([come(), come()]).toEqual(["in", "hasty"]);
  });

  it("of this machine are never too many", () => {
    const { crowd: it } = crowd({ wsConnectionsPerAddressMax: 0, wsHandshakesBurst: 0 });
    for (const address of ["127.0.0.1", "127.9.9.9", "::1"]) expect(it.enter(address)).toBeUndefined();
    expect(it.size).toBe(0);
  });

  it("are counted by network in IPv6, where one customer has many addresses", () => {
    const { crowd: it } = crowd({ wsConnectionsPerAddressMax: 1 });
    it.enter("2001:db8::1");
    expect([it.enter("2001:db8:0:0:ffff::2"), it.enter("2001:0db8::")]).toEqual(["ws-address-full", "ws-address-full"]);
    expect(typeof it.enter("2001:db8:0:1::1")).toBe("function");
  });

  it("are followed for so many addresses: an idle one goes first", () => {
    const { crowd: it } = crowd({ wsAddressesMax: 2, wsConnectionsPerAddressMax: 1 });
    const leave = it.enter("192.0.2.1");
    it.enter("192.0.2.2");
    if (typeof leave === "function") leave();
    it.enter("192.0.2.3");
    expect(it.size).toBe(2);
    expect([it.enter("192.0.2.2"), it.enter("192.0.2.3")]).toEqual(["ws-address-full", "ws-address-full"]);
  });
});

import { describe, expect, it } from "vitest";
import { ConnectionsPerAddress, type AddressLimits } from "../../src/core/index.js";
import { FakeClock } from "../../src/conformance/fake-clock.js";

const enough: AddressLimits = { connectionsMax: 1_000, perSecond: 50, burst: 500, addressesMax: 100_000 };

function count(limits: Partial<AddressLimits>): {
  readonly addresses: ConnectionsPerAddress;
  readonly clock: FakeClock;
} {
  const clock = new FakeClock();
  return { addresses: new ConnectionsPerAddress(() => ({ ...enough, ...limits }), clock), clock };
}

describe("connections of one address", () => {
  it("are so many at once; one that goes makes room, once", () => {
    const { addresses } = count({ connectionsMax: 2 });
    const leave = addresses.enter("192.0.2.1");
    addresses.enter("192.0.2.1");
    expect(addresses.enter("192.0.2.1")).toBe("full");
    expect(typeof addresses.enter("192.0.2.2")).toBe("function");
    if (typeof leave === "function") for (let time = 0; time < 2; time += 1) leave();
    expect([typeof addresses.enter("192.0.2.1"), addresses.enter("192.0.2.1")]).toEqual(["function", "full"]);
  });

  it("come so fast, and slower ones again", () => {
    const { addresses, clock } = count({ perSecond: 2, burst: 3 });
    const come = (): string => (typeof addresses.enter("192.0.2.1") === "function" ? "in" : "hasty");
    expect([come(), come(), come(), come()]).toEqual(["in", "in", "in", "hasty"]);
    clock.advance(500);
    expect([come(), come()]).toEqual(["in", "hasty"]);
  });

  it("of this machine are never too many", () => {
    const { addresses } = count({ connectionsMax: 0, burst: 0 });
    for (const address of ["127.0.0.1", "127.9.9.9", "::1"]) expect(addresses.enter(address)).toBeUndefined();
    expect(addresses.size).toBe(0);
  });

  it("are counted by network in IPv6, where one customer has many addresses", () => {
    const { addresses } = count({ connectionsMax: 1 });
    addresses.enter("2001:db8::1");
    expect([addresses.enter("2001:db8:0:0:ffff::2"), addresses.enter("2001:0db8::")]).toEqual(["full", "full"]);
    expect(typeof addresses.enter("2001:db8:0:1::1")).toBe("function");
  });

  it("are followed for so many addresses: an idle one goes first", () => {
    const { addresses } = count({ addressesMax: 2, connectionsMax: 1 });
    const leave = addresses.enter("192.0.2.1");
    addresses.enter("192.0.2.2");
    if (typeof leave === "function") leave();
    addresses.enter("192.0.2.3");
    expect(addresses.size).toBe(2);
    expect([addresses.enter("192.0.2.2"), addresses.enter("192.0.2.3")]).toEqual(["full", "full"]);
  });
});

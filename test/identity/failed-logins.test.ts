import { expect, it } from "vitest";
import { defaultLimits } from "../../src/core/index.js";
import { FailedLogins, LimiterMemory } from "../../src/identity/index.js";
import { FakeClock } from "../../src/conformance/fake-clock.js";

it("bars an address after too many failed logins on any door, for a while; this machine's own never", () => {
  const clock = new FakeClock();
  const limits = { ...defaultLimits, loginFailuresPerMinute: 3 };
  const limiter = new LimiterMemory({ limits, clock });
  const [websocket, zeromq] = [new FailedLogins(limiter, limits), new FailedLogins(limiter, limits)];
  for (const remote of ["192.0.2.1", "127.0.0.1", "::1", "ipc"])
    for (let n = 0; n < 3; n += 1) (n === 1 ? zeromq : websocket).add(remote);
  expect(zeromq.barred("192.0.2.1")).toMatchObject({ code: "rate-limited", retryAfterMs: 20_000 });
  for (const other of ["192.0.2.2", "127.0.0.1", "::1", "ipc"]) expect(zeromq.barred(other)).toBeUndefined();
  clock.advance(20_000);
  expect(websocket.barred("192.0.2.1")).toBeUndefined();
});

it("counts the addresses of one IPv6 network together, and IPv4 written as IPv6 with itself", () => {
  const clock = new FakeClock();
  const limits = { ...defaultLimits, loginFailuresPerMinute: 3 };
  const logins = new FailedLogins(new LimiterMemory({ limits, clock }), limits);
  for (const remote of ["2001:db8:1:1::1", "2001:db8:1:1::2", "2001:0DB8:1:1:9:8:7:6"]) logins.add(remote);
  for (const remote of ["192.0.2.1", "::ffff:192.0.2.1", "::FFFF:c000:0201"]) logins.add(remote);
  for (const barred of ["2001:db8:1:1:ffff::", "192.0.2.1"])
    expect(logins.barred(barred)).toMatchObject({ code: "rate-limited" });
  for (const other of ["2001:db8:1:2::1", "::ffff:192.0.2.2", "::2"]) expect(logins.barred(other)).toBeUndefined();
});

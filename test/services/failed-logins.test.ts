import { expect, it } from "vitest";
import { defaultLimits } from "../../src/core/index.js";
import { FailedLogins, LimiterMemory } from "../../src/services/index.js";
import { FakeClock } from "../kit/fake-clock.js";

it("bars an address after too many failed logins on any door, for a while; this machine's own never", () => {
  const clock = new FakeClock();
  const limits = { ...defaultLimits, loginFailuresPerMinute: 3 };
  const limiter = new LimiterMemory({ limits, clock });
  const [websocket, zeromq] = [new FailedLogins(limiter, limits), new FailedLogins(limiter, limits)];
  for (const remote of ["192.0.2.1", "127.0.0.1", "::1", "ipc"]) for (let n = 0; n < 3; n += 1) (n === 1 ? zeromq : websocket).add(remote);
  expect(zeromq.barred("192.0.2.1")).toMatchObject({ code: "rate-limited", retryAfterMs: 20_000 });
  for (const other of ["192.0.2.2", "127.0.0.1", "::1", "ipc"]) expect(zeromq.barred(other)).toBeUndefined();
  clock.advance(20_000);
  expect(websocket.barred("192.0.2.1")).toBeUndefined();
});

import { describe, expect, it } from "vitest";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import { RefusedLogins } from "../../src/identity/index.js";

describe("logins that were refused", () => {
  it("are one row for a network, dialect and code, the newest first", () => {
    const clock = new FakeClock();
    const refused = new RefusedLogins(clock);
    const first = clock.now();
    const base = { event: "login.refused", dialect: "pan", code: "unauthenticated" } as const;
    refused.take({ ...base, remote: "10.0.0.1", agent: "ada" });
    refused.take({ ...base, remote: "10.0.0.2" });
    clock.advance(1_000);
    refused.take({ ...base, remote: "10.0.0.1", agent: "bob" });
    refused.take({ ...base, remote: "10.0.0.1", code: "full" });
    const row = { dialect: "pan", code: "unauthenticated", count: 1, agent: undefined };
    expect(refused.rows).toEqual([
      { ...row, remote: "10.0.0.1", code: "full", first: first + 1_000, last: first + 1_000 },
      { ...row, remote: "10.0.0.1", agent: "bob", count: 2, first, last: first + 1_000 },
      { ...row, remote: "10.0.0.2", first, last: first },
    ]);
  });

  it("of one network hide nobody else's, and are no more than 1,000 rows", () => {
    const refused = new RefusedLogins(new FakeClock());
    const base = { event: "login.refused", dialect: "zmq", code: "unauthenticated" } as const;
    refused.take({ ...base, remote: "10.9.9.9" });
    for (let n = 0; n < 5_000; n += 1) refused.take({ ...base, remote: `2001:db8::${n.toString(16)}`, agent: `a${n}` });
    expect(refused.rows.map(({ remote, count }) => [remote, count])).toEqual([
      ["2001:db8::1387", 5_000],
      ["10.9.9.9", 1],
    ]);
    for (let n = 0; n < 1_500; n += 1) refused.take({ ...base, remote: `10.0.${n >> 8}.${n & 255}` });
    expect(refused.rows).toHaveLength(1_000);
  });
});

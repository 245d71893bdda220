import { describe, expect, it } from "vitest";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import { OpenTasks } from "../../src/telemetry/open-tasks.js";
import { overheard, wallStart } from "./overheard.js";

describe("open tasks, beside what passes without being looked at", () => {
  it("are forgotten where they may have been answered: nobody has failed", () => {
    const clock = new FakeClock(wallStart);
    const ends: string[] = [];
    const tasks = new OpenTasks({
      clock,
      limits: { requestTimeoutMs: 30_000, requestMaxMs: 600_000 },
      isOnline: () => true,
      isHidden: () => false,
      listeners: [{ opened: () => undefined, ended: ({ asked }, end) => ends.push(`${asked} ${end}`) }],
    });
    for (const to of ["bob", "eve", "joe"]) tasks.heard(overheard("ada", to, 0, { type: "request", waitMs: 1_000 }));
    tasks.heard(overheard("zoë", "bob", 0, { type: "request", waitMs: 1_000 }));
    const sender = { from: "bob", hidden: false, shared: false, at: 100, now: wallStart + 100 };
    tasks.counted("ada", 5, 500, sender);
    tasks.counted("bob", 5, 500, { ...sender, from: "ada" });
    expect(ends.splice(0), "bob may have answered ada").toEqual(["bob forgotten"]);
    tasks.counted("ada", 1, 100);
    expect(ends.splice(0), "anybody may have").toEqual(["eve forgotten", "joe forgotten"]);
    clock.advance(1_000);
    expect(ends).toEqual(["bob late"]);
    expect([tasks.size, tasks.owes("bob"), tasks.waits("ada"), clock.waiting]).toEqual([0, 0, false, 0]);
  });
});

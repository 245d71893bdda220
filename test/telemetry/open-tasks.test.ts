import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import { defaultLimits } from "../../src/core/index.js";
import { OpenTasks } from "../../src/telemetry/open-tasks.js";
import type { Overheard } from "../../src/telemetry/overhearing.js";

describe("requests that are open", () => {
  let clock: FakeClock;
  let tasks: OpenTasks;
  let ends: string[];
  beforeEach(() => {
    [clock, ends] = [new FakeClock(), []];
    tasks = new OpenTasks({
      clock,
      limits: defaultLimits,
      isOnline: () => true,
      isHidden: () => false,
      listeners: [
        { opened: () => undefined, ended: ({ messageId }, end, ms) => ends.push(`${messageId} ${end} ${String(ms)}`) },
      ],
    });
  });
  const hears = (from: string, to: string, more: Partial<Overheard>): void => {
    const [at, now] = [clock.monotonic(), clock.now()];
    const envelope = {
      message_id: "",
      timestamp: "",
      from,
      to,
      type: "inform",
      priority: "NORMAL",
      wait_ms: 1_000,
    } as const;
    tasks.heard({
      from,
      to,
      messageId: "m",
      type: "request",
      inReplyTo: undefined,
      priority: "NORMAL",
      bytes: 1,
      at,
      now,
      sealed: false,
      hidden: false,
      shared: false,
      envelope: { ...envelope, content: { message: "" } },
      ...more,
    });
  };
  const answers = (from: string, to: string, inReplyTo?: string): void => {
    hears(from, to, { type: "response", inReplyTo });
  };

  it("that may have been answered by what nobody looked at are forgotten, and no failure of anybody", () => {
    hears("ada", "bob", { messageId: "m1" });
    hears("eve", "bob", { messageId: "m2" });
    hears("ada", "eve", { messageId: "m3" });
    tasks.counted("ada", 10, 100, { from: "bob", hidden: false, shared: false, at: 0, now: 0 });
    expect(ends).toEqual(["m1 forgotten undefined"]);
    clock.advance(1_000);
    expect(ends.slice(1)).toEqual(["m2 late undefined", "m3 late undefined"]);
    hears("ada", "bob", { messageId: "m4" });
    tasks.counted("ada", 10, 100);
    expect(ends.at(-1)).toBe("m4 forgotten undefined");
  });

  it("are measured by the answer that names them, else by the oldest's", () => {
    hears("ada", "bob", { messageId: "m1" });
    clock.advance(5);
    hears("ada", "bob", { messageId: "m2" });
    hears("ada", "bob", { messageId: "m3" });
    answers("bob", "ada", "m2");
    answers("bob", "ada", "m9");
    answers("bob", "ada");
    answers("bob", "ada");
    expect(ends).toEqual(["m2 answered 0", "m1 answered 5", "m3 answered 0"]);
  });

  it("are 32 of one pair at most, and 50,000 in all, and leave nothing behind", () => {
    for (let n = 0; n < 40; n += 1) hears("ada", "bob", {});
    expect([tasks.size, tasks.owes("bob"), tasks.waits("ada")]).toEqual([32, 32, true]);
    tasks.clear();
    expect([tasks.size, tasks.owes("bob"), clock.waiting]).toEqual([0, 0, 0]);
  });
});

import { describe, expect, it } from "vitest";
import { defaultLimits } from "../../../src/core/index.js";
import { LoopWorld, gate, settled } from "./loop-world.js";

describe("what a peer said before it left", () => {
  it("is heard, and its session ends behind that: frames, and the rest of a frame", async () => {
    for (const frames of [["slow", "say", "more"], ["slow say more"]]) {
      const slow = gate();
      const world = new LoopWorld({ commands: { slow: { run: () => slow.done } } });
      world.says(...frames);
      world.loop.closed();
      expect([world.events, world.leaving.size]).toEqual([[`has ${defaultLimits.drainFlushMs} ms`], 1]);
      slow.open();
      await settled();
      expect(world.events.slice(1)).toEqual(["say", "more", "end", "left in time", "gone"]);
      expect([world.leaving.size, world.total.bytes]).toEqual([0, 0]);
      expect(world.ledger.reasons["frames-left-at-close"]).toBeUndefined();
    }
  });

  it("is heard although its answers were not read, and nothing waits for that any more", () => {
    const world = new LoopWorld({
      commands: {
        ask: {
          run: (session) => {
            world.events.push("ask");
            (session as LoopWorld["session"]).backlog += 60;
          },
        },
      },
      limits: { wsBacklogMaxBytes: 100 },
    });
    world.says("ask ask say", "ask");
    world.loop.closed();
    expect(world.events.filter((one) => !one.includes(" "))).toEqual(["ask", "ask", "say", "ask", "end", "gone"]);
  });

  it("is given up when that takes too long, and when the session ends for another reason", async () => {
    for (const end of ["timeIsOver", "end"] as const) {
      const slow = gate();
      const world = new LoopWorld({ commands: { slow: { run: () => slow.done } } });
      world.says("slow", "say");
      world.loop.closed();
      if (end === "end") world.session.end();
      else world.timeIsOver();
      slow.open();
      await settled();
      expect(world.events.slice(1)).toEqual(["end", "left in time", "gone"]);
      expect([world.leaving.size, world.ledger.reasons["frames-left-at-close"]]).toEqual([0, 1]);
    }
  });

  it("holds no session back of which nothing more is to be heard, and only so many others", async () => {
    const slow = gate();
    const world = new LoopWorld({
      commands: { slow: { run: () => slow.done } },
    });
    world.says("slow");
    world.loop.closed();
    expect(world.events).toEqual(["end", "gone"]);
    const full = new LoopWorld({ commands: { slow: { run: () => slow.done } }, limits: { wsConnectionsMax: 0 } });
    full.says("slow", "say");
    full.loop.closed();
    slow.open();
    await settled();
    expect(full.events).toEqual(["end", "gone"]);
  });
});

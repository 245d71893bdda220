import { afterEach, describe, expect, it } from "vitest";
import { ZeromqWorld } from "../kit/zeromq-world.js";

describe("a subscriber that loses messages", () => {
  const world = new ZeromqWorld();
  afterEach(async () => {
    await world.close();
  });

  it("is told of on $events once a second, with the count since the last time", () => {
    const watcher = world.subscriber(["watcher", "$events"]);
    const slow = world.subscriber(["slow"]);
    const dropped = (): readonly unknown[] =>
      watcher.heard
        .filter(({ kind }) => kind === "dropped")
        .map(({ data }) => (data as { agent: string; count: number }).count);
    slow.dropped = 5;
    world.clock.advance(1_000);
    slow.dropped = 6;
    slow.dropped = 8;
    world.clock.advance(1_000);
    world.clock.advance(5_000);
    expect(dropped()).toEqual([5, 3]);
    expect(watcher.heard.find(({ kind }) => kind === "dropped")).toMatchObject({
      topic: "$events",
      from: "$broker",
      type: "inform",
      data: { agent: "slow", since: expect.stringMatching(/^2026-/) as string },
    });
  });
});

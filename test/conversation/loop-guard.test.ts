import { describe, expect, it } from "vitest";
import { talk, type Talk } from "../kit/talk.js";

describe("the loop guard", () => {
  /** Lets two talk in turns, one word each, `gapMs` apart. */
  function pingPong({ says, clock }: Talk, turns: number, gapMs = 1_000): string[] {
    return Array.from({ length: turns }, (_, n) => {
      clock.advance(gapMs);
      return says(n % 2 === 0 ? "ada" : "bob", n % 2 === 0 ? "bob" : "ada").split(" ")[0] ?? "";
    });
  }

  it("turns the chats of a pair into informs after 20 turns, and says so once", () => {
    const world = talk();
    const types = pingPong(world, 24);
    expect(types.slice(0, 20)).not.toContain("inform");
    expect(types.slice(20)).toEqual(["inform", "inform", "inform", "inform"]);
    expect(world.turns.map(({ looping }) => looping === true)).toEqual([
      ...Array.from({ length: 20 }, () => false),
      true,
      false,
      false,
      false,
    ]);
  });

  it("holds back what is said with an intent, too", () => {
    const world = talk();
    pingPong(world, 20);
    expect(world.says("ada", "bob", { intent: "request" })).toBe("inform");
    expect(world.says("bob", "ada", { intent: "response", replyTo: "x" })).toBe("inform x");
  });

  it("ends after 60 s, and trips again if they go on", () => {
    const world = talk();
    pingPong(world, 21);
    world.clock.advance(59_000);
    expect(pingPong(world, 1)).toEqual(["request"]);
    const types = pingPong(world, 40);
    expect(types).toContain("inform");
    expect(world.turns.filter(({ looping }) => looping === true)).toHaveLength(2);
  });

  it("leaves alone those who pause for more than 10 s", () => {
    const world = talk();
    pingPong(world, 19);
    world.clock.advance(10_001);
    expect(pingPong(world, 19)).not.toContain("inform");
    expect(pingPong(talk(), 100, 10_001)).not.toContain("inform");
    expect(pingPong(talk(), 21, 10_000)).toContain("inform");
  });

  it("counts a turn once, however many texts it has, so that one who talks alone is no loop", () => {
    const { says, turns } = talk();
    for (let n = 0; n < 100; n += 1) says("ada", "bob");
    expect(turns.every(({ type }) => type === "request")).toBe(true);
  });

  it("leaves another pair alone", () => {
    const world = talk();
    pingPong(world, 21);
    expect(world.says("ada", "eve")).toBe("request");
  });

  it("sees a loop through another dialect, whose messages it only hears", () => {
    const { says, routed, turns } = talk();
    for (let n = 0; n < 12; n += 1) {
      const asked = says("bot", "py");
      if (asked === "request") routed("py", "bot", "response");
    }
    expect(turns.map(({ type }) => type)).toEqual([...Array.from({ length: 10 }, () => "request"), "inform", "inform"]);
  });

  it("does not count informs, which nobody answers", () => {
    const { says, routed } = talk();
    for (let n = 0; n < 40; n += 1) routed(n % 2 === 0 ? "ada" : "bob", n % 2 === 0 ? "bob" : "ada", "inform");
    expect(says("ada", "bob")).toBe("request");
  });

  it("is off at 0 turns", () => {
    expect(pingPong(talk({ loopTurnsMax: 0 }), 60)).not.toContain("inform");
  });
});

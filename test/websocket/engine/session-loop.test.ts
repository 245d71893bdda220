import { describe, expect, it } from "vitest";
import type { Bucket } from "../../../src/dialect/index.js";
import { LoopWorld, type Command } from "./loop-world.js";

describe("a frame", () => {
  it("that cannot be read is refused, and counted as a message that was malformed; the next one runs", () => {
    const world = new LoopWorld();
    world.says("!", "!bug", "say ? more");
    expect(world.refusals).toEqual([
      { code: "malformed", message: "no frame", of: undefined },
      { code: "internal", message: expect.any(String) as string, of: undefined },
      { code: "malformed", message: "no command", of: undefined },
    ]);
    expect(world.events).toEqual(["say", "more"]);
    expect(world.ledger.messages).toMatchObject({ accepted: 3, malformed: 3 });
    expect(world.ledger.reasons["frame-unreadable"]).toBe(3);
  });

  it("that is too large is refused with both sizes, by the name of its first command if that can be read", () => {
    const world = new LoopWorld({ limits: { wsFrameMaxBytes: 3 } });
    for (const frame of ["say more", "? say", "!"]) world.loop.oversized(Buffer.from(frame));
    const message = (size: number): string =>
      `a message is 3 bytes at most, this one has ${String(size)}; send it in parts`;
    expect(world.refusals).toEqual([
      { code: "too-large", message: message(8), of: "say" },
      { code: "too-large", message: message(5), of: undefined },
      { code: "too-large", message: message(1), of: undefined },
    ]);
    expect(() => {
      world.loop.oversized(Buffer.from("!bug"));
    }).toThrow(TypeError);
    expect(world.ledger.messages).toMatchObject({ accepted: 4, malformed: 4 });
    expect(world.events).toEqual([]);
  });

  it("is nothing any more once the session has ended", () => {
    const world = new LoopWorld();
    world.loop.closed();
    world.says("say", "!");
    world.loop.end();
    expect([world.events, world.refusals]).toEqual([["end", "gone"], []]);
    expect(world.ledger.reasons["frames-left-at-close"]).toBeUndefined();
  });
});

describe("a command", () => {
  it("that the dialect does not have is refused with those it has, also where every object has one of the name", () => {
    const world = new LoopWorld();
    world.says("constructor", "shout");
    expect(world.refusals).toEqual(
      ["constructor", "shout"].map((of) => ({
        code: "unsupported",
        message: "there is no such command; test knows say, more",
        of,
      })),
    );
  });

  it("is said in its phases only; the refusal says when, or to log in first", () => {
    const commands = { now: { phase: "ready" }, then: { phase: ["greeting", "away"] }, soon: { phase: "away" } };
    const world = new LoopWorld({ commands });
    world.says("now then soon say");
    expect(world.events).toEqual(["now", "say"]);
    expect(world.refusals).toEqual([
      { code: "unsupported", message: "then cannot be said now (ready), only when greeting or away", of: "then" },
      { code: "unsupported", message: "soon cannot be said now (ready), only when away", of: "soon" },
    ]);
    const away = new LoopWorld({ commands, phase: "away" });
    away.says("then soon now");
    expect(away.events).toEqual(["then", "soon"]);
    const stranger = new LoopWorld({ commands, isStranger: true, phase: "greeting" });
    stranger.says("now");
    expect(stranger.refusals).toEqual([
      { code: "unauthenticated", message: "log in first; now cannot be said before", of: "now" },
    ]);
  });

  it("is paid for before it runs, by every bucket; the longest wait is told", () => {
    const rate = { perSecond: 1, burst: 1 };
    const buckets = ({ type }: Command): readonly Bucket[] =>
      type === "say"
        ? [{ owner: "agent", rate }]
        : (["agent", "connection", "network"] as const).map((owner) => ({ owner, name: "lists", rate }));
    const world = new LoopWorld({
      commands: {
        say: { cost: 2 },
        more: { cost: ({ type }) => type.length },
        free: { cost: 0 },
        dear: { cost: 1 },
      },
      buckets,
      waits: { "test/lists/agent/ada": 30, "test/lists/connection/7": 50, "test/lists/at/10.1.2.3": 40 },
    });
    world.says("say free more");
    expect(world.events).toEqual([
      "take 2 of agent/ada",
      "say",
      "free",
      "take 4 of test/lists/agent/ada",
      "take 4 of test/lists/connection/7",
      "take 4 of test/lists/at/10.1.2.3",
    ]);
    expect(world.refusals).toEqual([{ code: "rate-limited", message: "slower, please", of: "more" }]);
    expect(world.faults[0]?.retryAfterMs).toBe(50);
  });

  it("costs nothing where the dialect has no rate", () => {
    const world = new LoopWorld({ commands: { say: { cost: 9 } } });
    world.says("say");
    expect(world.events).toEqual(["say"]);
  });

  it("of whoever has no name yet is paid for by the connection, whose buckets are forgotten with it", () => {
    const rate = { perSecond: 1, burst: 1 };
    const world = new LoopWorld({
      isStranger: true,
      commands: { say: { cost: 1 } },
      buckets: () => [
        { owner: "agent", rate },
        { owner: "agent", name: "login", rate },
        { owner: "network", rate },
      ],
    });
    world.says("say", "say");
    const taken = ["take 1 of test//connection/7", "take 1 of test/login/connection/7", "take 1 of test//at/10.1.2.3"];
    expect(world.events).toEqual([...taken, "say", ...taken, "say"]);
    world.events.length = 0;
    world.loop.closed();
    expect(world.events).toEqual(["end", "forget test//connection/7", "forget test/login/connection/7", "gone"]);
  });

  it("never is paid for from a bucket of somebody whose name looks like a key", () => {
    const rate = { perSecond: 1, burst: 1 };
    const keys = (agent: string, bucket: Bucket): string => {
      const world = new LoopWorld({ agent, commands: { say: { cost: 1 } }, buckets: () => [bucket] });
      world.says("say");
      return world.keys[0] ?? "";
    };
    const network = keys("ada", { owner: "network", name: "all", rate });
    for (const agent of ["at 10.1.2.3", "test-all at 10.1.2.3", "all at 10.1.2.3", "at/10.1.2.3"])
      for (const name of [undefined, "all"])
        expect(keys(agent, { owner: "agent", ...(name !== undefined && { name }), rate })).not.toBe(network);
    expect(keys("7", { owner: "agent", name: "x", rate })).not.toBe(
      keys("ada", { owner: "connection", name: "x", rate }),
    );
  });

  it("of an agent is paid for by the agent over all dialects, or by a bucket of this one", () => {
    const rate = { perSecond: 1, burst: 1 };
    const world = new LoopWorld({
      commands: { say: { cost: 1 } },
      buckets: () => [
        { owner: "agent", rate },
        { owner: "agent", name: "joins", rate },
        { owner: "connection", rate },
      ],
    });
    world.says("say");
    expect(world.events.slice(0, 3)).toEqual([
      "take 1 of agent/ada",
      "take 1 of test/joins/agent/ada",
      "take 1 of test//connection/7",
    ]);
  });
});

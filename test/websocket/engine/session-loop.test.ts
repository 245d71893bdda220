import { describe, expect, it } from "vitest";
import { Fault } from "../../../src/core/index.js";
import type { Bucket } from "../../../src/dialect/index.js";
import { LoopWorld, gate, settled, type Command, type LoopOptions } from "./loop-world.js";

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
    expect(world.refusals.map(({ message }) => message)).toEqual([
      "then cannot be said now (ready), only when greeting or away",
      "soon cannot be said now (ready), only when away",
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
      waits: { "test-lists ada": 30, "test-lists connection 7": 50, "test-lists at 10.1.2.3": 40 },
    });
    world.says("say free more");
    expect(world.events).toEqual([
      "take 2 of agent ada",
      "say",
      "free",
      "take 4 of test-lists ada",
      "take 4 of test-lists connection 7",
      "take 4 of test-lists at 10.1.2.3",
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
    const taken = ["take 1 of test connection 7", "take 1 of test-login connection 7", "take 1 of test at 10.1.2.3"];
    expect(world.events).toEqual([...taken, "say", ...taken, "say"]);
    world.events.length = 0;
    world.loop.closed();
    expect(world.events).toEqual(["end", "forget test connection 7", "forget test-login connection 7", "gone"]);
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
      "take 1 of agent ada",
      "take 1 of test-joins ada",
      "take 1 of test connection 7",
    ]);
  });
});

describe("what is to run after a command", () => {
  it("runs at once where there is none", () => {
    const world = new LoopWorld();
    world.loop.afterCommand(() => world.events.push("after"));
    expect(world.events).toEqual(["after"]);
  });

  it("runs once, in order, when the command is over, whether it succeeds or not, and before the next", async () => {
    const slow = gate();
    const later = (what: string): void => {
      for (const n of [1, 2]) world.loop.afterCommand(() => world.events.push(`after ${what} ${String(n)}`));
    };
    const world: LoopWorld = new LoopWorld({
      commands: {
        fail: {
          run: () => {
            later("fail");
            throw new Fault("forbidden", "no");
          },
        },
        slow: {
          run: async () => {
            later("slow");
            await slow.done;
            later("wait");
          },
        },
      },
    });
    world.says("fail say slow more");
    expect(world.events).toEqual(["after fail 1", "after fail 2", "say"]);
    slow.fail(new Fault("timeout", "late"));
    await settled();
    expect(world.events.slice(3)).toEqual(["after slow 1", "after slow 2", "more"]);
    expect(world.refusals.map(({ code, of }) => [code, of])).toEqual([
      ["forbidden", "fail"],
      ["timeout", "slow"],
    ]);
  });
});

describe("frames that come while a command is under way", () => {
  it("wait for a login from the headers, which may fail", async () => {
    const login = gate();
    const world = new LoopWorld();
    world.loop.hold(login.done);
    world.says("say", "more");
    expect(world.events).toEqual([]);
    login.fail(new Fault("unauthenticated", "no"));
    await settled();
    expect(world.events).toEqual(["say", "more"]);
    expect(world.refusals).toEqual([{ code: "unauthenticated", message: "no", of: undefined }]);
  });

  it.each([
    { who: "an agent", isStranger: false, limits: { wsBacklogMaxBytes: 10 } },
    { who: "a stranger", isStranger: true, limits: { wsFrameMaxBytes: 10 } },
  ])(
    "wait in as many bytes as $who may have waiting, one at least; then they are refused, loudly",
    async ({ isStranger, limits }) => {
      const world = new LoopWorld({ isStranger, limits });
      for (const [frames, refused] of [
        [["say", "more", "say"], 0],
        [["say", "more", "more"], 1],
        [["say", "more", "more", "say"], 2],
        [["say more say"], 0],
      ] as const) {
        const { done, open } = gate();
        world.refusals.length = 0;
        world.loop.hold(done);
        world.says(...frames);
        open();
        await settled();
        expect(world.codes).toEqual(Array.from({ length: refused }, () => "rate-limited"));
      }
      expect(world.events.filter((event) => event === "say")).toHaveLength(6);
    },
  );

  it("wait in as many as may be, those after a refused one not at all, until all are answered", async () => {
    const world = new LoopWorld({ limits: { sessionQueueMax: 2 } });
    for (let round = 0; round < 2; round += 1) {
      const { done, open } = gate();
      world.loop.hold(done);
      world.says("say", "more", "say", "more");
      open();
      await settled();
    }
    expect(world.events).toEqual(["say", "more", "say", "more"]);
    expect(world.refusals).toHaveLength(4);
    expect(world.refusals[0]?.message).toBe(
      "too much was sent before earlier commands were answered; send it again, slower",
    );
  });

  it("are refused in their turn: not before a later one of those that wait has been answered", async () => {
    const [first, second] = [gate(), gate()];
    const world = new LoopWorld({
      commands: { slow: { run: () => second.done } },
      limits: { sessionQueueMax: 1 },
    });
    world.loop.hold(first.done);
    world.says("slow", "say", "say");
    first.open();
    await settled();
    expect(world.refusals).toEqual([]);
    world.says("more");
    second.open();
    await settled();
    expect([world.codes, world.events]).toEqual([["rate-limited", "rate-limited", "rate-limited"], []]);
    world.says("say");
    expect(world.events).toEqual(["say"]);
  });

  it("are counted when the session ends before they were read", async () => {
    const { done, open } = gate();
    const world = new LoopWorld();
    world.loop.hold(done);
    world.says("say", "more");
    world.loop.closed();
    open();
    await settled();
    expect(world.events).toEqual(["end", "gone"]);
    expect(world.ledger.reasons["frames-left-at-close"]).toBe(2);
  });
});

describe("answers that are not read", () => {
  const answering = (bytes: number): LoopOptions => ({
    commands: {
      ask: {
        run: (session) => {
          (session as LoopWorld["session"]).backlog += bytes;
        },
      },
    },
    limits: { wsBacklogMaxBytes: 100 },
  });

  it("stop the next command once they are more than half of what may wait, until the peer has drained", () => {
    const world = new LoopWorld(answering(25));
    world.says("ask ask say ask more", "say");
    expect(world.events).toEqual(["say"]);
    world.loop.drained();
    expect(world.events).toEqual(["say", "attempt", "more", "say"]);
    world.loop.drained();
    expect(world.events).toHaveLength(5);
  });

  it("of others stop nobody: only a command that adds to them", () => {
    const world = new LoopWorld(answering(0));
    world.session.backlog = 90;
    world.says("ask say", "more");
    expect(world.events).toEqual(["say", "more"]);
  });

  it("are told to the dialect when they have been read, whatever the loop does", () => {
    const told: string[] = [];
    const world = new LoopWorld({ drained: () => void told.push("drained") });
    world.loop.drained();
    expect(told).toEqual(["drained"]);
  });

  it("leave the rest of a frame behind when the session ends, which is counted", () => {
    const world = new LoopWorld(answering(60));
    world.says("ask say", "more");
    world.loop.closed();
    world.loop.drained();
    expect(world.events).toEqual(["end", "gone", "attempt"]);
    expect(world.ledger.reasons["frames-left-at-close"]).toBe(2);
  });

  it("that cannot be sent at all end the session with the reason", () => {
    const world = new LoopWorld();
    world.loop.stuck();
    expect(world.refusals).toEqual([
      {
        code: "slow-consumer",
        message: "too much waits for this session and nothing of it could be sent",
        of: undefined,
      },
    ]);
    expect([world.faults[0]?.fatal, world.events]).toEqual([true, ["close 1013 slow consumer"]]);
  });
});

describe("a session that ends in the middle of a command", () => {
  it("runs neither the rest of the frame nor what waits, nor what was to follow the command", async () => {
    const slow = gate();
    const world: LoopWorld = new LoopWorld({
      commands: {
        leave: {
          run: () => {
            world.loop.afterCommand(() => world.events.push("after"));
            world.loop.end();
          },
        },
        slowly: {
          run: () => {
            world.loop.end();
            return slow.done;
          },
        },
      },
    });
    world.says("leave say", "more");
    expect(world.events).toEqual([]);
    const other: LoopWorld = new LoopWorld({
      commands: {
        slowly: {
          run: () => {
            other.loop.end();
            return slow.done;
          },
        },
      },
    });
    other.says("slowly say", "more");
    slow.open();
    await settled();
    other.says("more");
    expect([other.events, other.refusals]).toEqual([[], []]);
  });
});

import { describe, expect, it } from "vitest";
import { Fault } from "../../../src/core/index.js";
import { LoopWorld, gate, settled, type LoopOptions } from "./loop-world.js";

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

describe("what is to run after what is waited for", () => {
  it("runs after the command that waits, and after a login from the headers", async () => {
    const slow = gate();
    const world = new LoopWorld({ commands: { slow: { run: () => slow.done } } });
    world.says("slow");
    world.loop.afterCommand(() => world.events.push("after slow"));
    expect(world.events).toEqual([]);
    slow.open();
    await settled();
    expect(world.events).toEqual(["after slow"]);
    const login = gate();
    world.loop.hold(login.done);
    world.loop.afterCommand(() => world.events.push("after login"));
    expect(world.events).toEqual(["after slow"]);
    login.open();
    await settled();
    expect(world.events).toEqual(["after slow", "after login"]);
  });
});

describe("going on", () => {
  /** A line in which work waits until the test lets it go on. */
  function line(): { do: (work: () => void) => void; next: () => void; readonly size: number } {
    const waiting: (() => void)[] = [];
    return {
      do: (work) => void waiting.push(work),
      next: () => waiting.shift()?.(),
      get size() {
        return waiting.length;
      },
    };
  }

  it("waits for its turn: of those who log in, or of those who are here", async () => {
    for (const isStranger of [true, false]) {
      const [logins, commands] = [line(), line()];
      const slow = gate();
      const world = new LoopWorld({
        isStranger,
        goOn: { logins, commands },
        commands: { slow: { run: () => slow.done } },
      });
      world.says("slow more", "say");
      slow.open();
      await settled();
      expect([world.events, logins.size, commands.size]).toEqual([[], isStranger ? 1 : 0, isStranger ? 0 : 1]);
      for (const one of [logins, commands]) one.next();
      expect(world.events).toEqual(["more", "say"]);
    }
  });

  it("refuses in its turn, too, and does nothing once the session is over", async () => {
    const commands = line();
    const slow = gate();
    const world = new LoopWorld({ goOn: { logins: line(), commands }, commands: { slow: { run: () => slow.done } } });
    world.says("slow", "say");
    slow.fail(new Fault("timeout", "late"));
    await settled();
    expect([world.codes, commands.size]).toEqual([[], 1]);
    world.loop.end();
    commands.next();
    expect([world.codes, world.events]).toEqual([["timeout"], []]);
  });
});

describe("frames that come while a command is under way", () => {
  it("wait, too, where the command itself brings them, and are read when its frame is over", () => {
    const world: LoopWorld = new LoopWorld({
      commands: {
        echo: {
          run: () => {
            world.says("say");
            world.events.push("echo");
          },
        },
      },
    });
    world.says("echo more");
    expect(world.events).toEqual(["echo", "more", "say"]);
  });

  it("are not read because the peer has drained", async () => {
    const { done, open } = gate();
    const world = new LoopWorld();
    world.loop.hold(done);
    world.says("say");
    world.loop.drained();
    world.says("more");
    expect(world.events).toEqual(["attempt"]);
    open();
    await settled();
    expect(world.events).toEqual(["attempt", "say", "more"]);
  });

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
    { who: "an agent", isStranger: false, limits: { wsBacklogMaxBytes: 200 } },
    { who: "a stranger", isStranger: true, limits: { wsFrameMaxBytes: 200 } },
  ])(
    "stop the reading of its socket when they are half of the bytes that $who may have waiting",
    async ({ isStranger, limits }) => {
      const world = new LoopWorld({ isStranger, limits });
      const { done, open } = gate();
      world.loop.hold(done);
      world.says("say", "more");
      expect(world.events).toEqual([]);
      world.says("say", "more");
      expect(world.events, "told once").toEqual(["pause"]);
      open();
      await settled();
      expect(world.events).toEqual(["pause", "say", "more", "say", "more", "read on"]);
      expect(world.total.bytes).toBe(0);
    },
  );

  it("stop the reading of its socket when they are as many as may wait; what was read already is heard, too", async () => {
    const world = new LoopWorld({ limits: { sessionQueueMax: 2 } });
    for (let round = 0; round < 2; round += 1) {
      const { done, open } = gate();
      world.loop.hold(done);
      world.says("say", "more", "say");
      open();
      await settled();
    }
    const round = ["pause", "say", "more", "say", "read on"];
    expect([world.events, world.codes]).toEqual([[...round, ...round], []]);
  });

  it("are read on only when all of them have been heard, however often one of them waits itself", async () => {
    const [first, second] = [gate(), gate()];
    const world = new LoopWorld({
      commands: { slow: { run: () => second.done } },
      limits: { sessionQueueMax: 1 },
    });
    world.loop.hold(first.done);
    world.says("slow", "say", "more");
    first.open();
    await settled();
    expect(world.events).toEqual(["pause"]);
    second.open();
    await settled();
    expect(world.events).toEqual(["pause", "say", "more", "read on"]);
  });

  it("are not read on once the session has ended", async () => {
    const { done, open } = gate();
    const world: LoopWorld = new LoopWorld({
      commands: {
        leave: {
          run: () => {
            world.loop.end();
          },
        },
      },
      limits: { sessionQueueMax: 1 },
    });
    world.loop.hold(done);
    world.says("say", "leave", "say");
    open();
    await settled();
    expect(world.events).toEqual(["pause", "say"]);
  });

  it("count among the bytes of all connections until they are read, and end their session when there are too many", async () => {
    const [first, second] = [gate(), gate()];
    const world = new LoopWorld({ limits: { backlogTotalMaxBytes: 80 } });
    world.loop.hold(first.done);
    world.says("say", "more");
    expect(world.total.bytes, "32 for each frame beside its bytes").toBe(71);
    first.open();
    await settled();
    expect([world.total.bytes, world.events]).toEqual([0, ["say", "more"]]);
    world.loop.hold(second.done);
    world.says("say", "more", "more");
    await settled();
    expect(world.codes).toEqual(["slow-consumer"]);
    world.loop.end();
    expect(world.total.bytes).toBe(0);
  });

  it("are counted when the peer leaves before it has logged in", async () => {
    const { done, open } = gate();
    const world = new LoopWorld({ isStranger: true });
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

  it("to the last command of a frame stop the next frame, which is read once the peer has drained", () => {
    const world = new LoopWorld(answering(60));
    world.says("ask", "say");
    expect(world.events).toEqual([]);
    world.loop.drained();
    expect(world.events).toEqual(["attempt", "say"]);
    world.says("more");
    expect(world.events).toEqual(["attempt", "say", "more"]);
    world.session.backlog = 0;
    world.says("ask");
    world.loop.drained();
    world.says("say");
    expect(world.events).toEqual(["attempt", "say", "more", "attempt", "say"]);
  });

  it("do not bring back a session that has ended with them", () => {
    const world: LoopWorld = new LoopWorld({
      commands: {
        leave: {
          run: (session) => {
            (session as LoopWorld["session"]).backlog += 60;
            world.loop.end();
          },
        },
      },
      limits: { wsBacklogMaxBytes: 100 },
    });
    world.says("leave say");
    world.loop.drained();
    world.says("say");
    expect(world.events).toEqual(["attempt"]);
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
    world.loop.end();
    world.loop.drained();
    expect(world.events).toEqual(["attempt"]);
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

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { changesMax } from "../../../../bridges/visualisation/streams/missing.js";
import { StreamWorld } from "../../../kit/stream-world.js";

let world: StreamWorld;
beforeEach(() => {
  world = new StreamWorld();
  for (const name of ["ada", "bob"]) world.telemetry.appears(name);
});
afterEach(() => {
  world.stop();
});

describe("a viewer that is behind", () => {
  it("is sent nothing, and then where those are who have moved meanwhile", () => {
    const viewer = world.viewer({ streams: ["agent.positions"] });
    world.pass(200);
    viewer.forget();
    viewer.sticks();
    world.telemetry.moves("ada", 1);
    world.pass(200);
    world.telemetry.moves("ada", 2);
    world.pass(2_000);
    expect(viewer.frames).toEqual([]);
    viewer.drains();
    world.pass(200);
    const [positions, ...more] = viewer.texts("agent.positions");
    expect(positions?.payload["agents"]).toMatchObject([{ agentId: "ada", x: 2 }]);
    expect(more).toEqual([]);
  });

  it("is told all positions again if it missed some for longer than is remembered", () => {
    const other = world.viewer();
    const viewer = world.viewer({ streams: ["agent.positions"] });
    world.pass(200);
    viewer.forget();
    viewer.sticks();
    for (let each = 0; each < 60; each += 1) {
      world.telemetry.moves("ada", each);
      world.pass(34);
    }
    expect(viewer.frames).toEqual([]);
    expect(other.texts("agent.positions").length).toBeGreaterThan(30);
    viewer.drains();
    world.pass(200);
    expect(viewer.texts("agent.positions").map(({ payload }) => payload["agents"])).toMatchObject([
      [{ agentId: "ada", x: 59 }, { agentId: "bob" }],
    ]);
  });

  it("is told how many messages it has missed", () => {
    const viewer = world.viewer();
    world.pass(200);
    viewer.sticks();
    viewer.forget();
    for (let each = 0; each < 7; each += 1) world.telemetry.says({ messageId: String(each) });
    const since = world.now;
    world.pass(1_000);
    viewer.drains();
    world.telemetry.says({ messageId: "heard" });
    world.pass(1_500);
    expect(viewer.texts("channel.dropped")).toMatchObject([{ channelId: null, dropped: 7 }]);
    const [dropped] = viewer.texts("channel.dropped") as unknown as { since: string }[];
    expect(Math.abs(Date.parse(dropped?.since ?? "") - since)).toBeLessThan(100);
    expect(viewer.texts("message.sent").map(({ payload }) => payload["messageId"])).toEqual(["heard"]);
  });

  it("is not told of messages that it may not know of", () => {
    const viewer = world.viewer({ insight: "observe" });
    world.pass(200);
    viewer.sticks();
    for (let each = 0; each < 7; each += 1) world.telemetry.says({ privacy: "hidden" });
    world.pass(1_000);
    viewer.drains();
    world.pass(1_500);
    expect(viewer.texts("channel.dropped")).toEqual([]);
  });

  it("is told of agents and states that it has missed, each once, before anything of them", () => {
    const viewer = world.viewer();
    world.pass(200);
    viewer.sticks();
    viewer.forget();
    world.telemetry.appears("new");
    world.telemetry.changes("ada", "EXECUTING");
    world.pass(100);
    world.telemetry.changes("ada", "ERROR");
    world.pass(1_000);
    expect(viewer.frames).toEqual([]);
    viewer.drains();
    world.pass(100);
    expect(viewer.texts("agent.registered").map(({ payload }) => payload["agentId"])).toEqual(["new"]);
    expect(viewer.texts("agent.state.changed").map(({ payload }) => payload)).toMatchObject([
      { agentId: "new", previousState: null, newState: "IDLE" },
      { agentId: "ada", previousState: "IDLE", newState: "ERROR" },
    ]);
  });

  it("is told of all again if it has missed more than is remembered", () => {
    const viewer = world.viewer();
    world.pass(200);
    viewer.sticks();
    viewer.forget();
    for (let each = 0; each <= changesMax; each += 1) world.telemetry.appears(`a${String(each)}`);
    world.pass(200);
    viewer.drains();
    world.pass(2_000);
    expect(viewer.texts("agent.registered")).toHaveLength(changesMax + 3);
  });

  it("is told of figures that it has missed when it keeps up again", () => {
    const viewer = world.viewer();
    world.pass(200);
    viewer.sticks();
    viewer.forget();
    world.telemetry.works("ada");
    world.telemetry.flows({ from: "bob" });
    world.pass(2_500);
    viewer.drains();
    world.pass(1_100);
    expect(viewer.texts("agent.performance.update")).toHaveLength(1);
    expect(viewer.texts("message.flow.stats")).toHaveLength(1);
  });

  it("is told of no number before it is announced, if it reads on in the middle of a tick", () => {
    const viewer = world.viewer({ binary: true });
    world.pass(200);
    viewer.forget();
    // Its socket is full when the new agent is announced, and empty before and behind it.
    let reads = 0;
    Object.defineProperty(viewer.session, "backlog", { get: () => ((reads += 1) === 2 ? 1e6 : 0) });
    world.telemetry.appears("new");
    world.telemetry.works("new");
    world.telemetry.changes("new", "EXECUTING");
    world.pass(2_000);
    const at = viewer.frames.findIndex((frame) => frame.includes('"agent.registered"'));
    expect(at).toBeGreaterThanOrEqual(0);
    const before = viewer.frames.slice(0, at).filter((frame) => typeof frame !== "string");
    expect(before).toEqual([]);
    expect(viewer.binaries().map(({ type }) => type)).toEqual(expect.arrayContaining(["positions", "metrics"]));
  });

  it("costs others nothing: they are told all the same, with as many frames written", () => {
    const others = [world.viewer(), world.viewer({ binary: true })];
    world.pass(200);
    const run = (): number => {
      const before = world.broadcasts;
      for (let each = 0; each < 30; each += 1) {
        world.telemetry.moves("ada", each);
        world.telemetry.says({});
        world.pass(100);
      }
      return world.broadcasts - before;
    };
    const alone = run();
    const stuck = world.viewer();
    world.pass(200);
    stuck.sticks();
    for (const viewer of others) viewer.forget();
    expect(Math.abs(run() - alone)).toBeLessThanOrEqual(8);
    for (const viewer of others) expect(viewer.texts("message.sent")).toHaveLength(30);
  });

  it("gives way in the middle of what all agents are, and goes on", () => {
    for (let each = 0; each < 2_000; each += 1) world.telemetry.appears(`a${String(each)}`);
    const viewer = world.viewer({ compression: { algorithm: "deflate", level: 6 } });
    viewer.session.backlog = 400 * 1024;
    viewer.isStuck = true;
    world.pass(2_000);
    const told = viewer.texts("agent.registered").length;
    expect(told).toBeGreaterThan(0);
    for (let drains = 0; drains < 50; drains += 1) {
      viewer.session.backlog = 0;
      world.pass(300);
    }
    const names = viewer.texts("agent.registered").map(({ payload }) => payload["agentId"]);
    expect(new Set(names).size).toBe(2_002);
  });
});

describe("a channel", () => {
  it("carries a stream as JSON, numbered, and nothing of it comes outside", () => {
    const viewer = world.viewer({ binary: true });
    viewer.outlet.channels.create({ channelId: "agent.positions" });
    viewer.outlet.channels.create({ channelId: "talk", streams: ["message.sent"] });
    world.pass(200);
    for (let each = 0; each < 3; each += 1) {
      world.telemetry.moves("ada", each);
      world.telemetry.says({});
      world.pass(100);
    }
    expect(viewer.binaries().filter(({ type }) => type === "positions")).toEqual([]);
    expect(viewer.texts("message.sent")).toEqual([]);
    const inChannel = (channel: string): unknown[] =>
      (viewer.texts() as unknown as { channel: string; sequence: number; message: { type: string } }[])
        .filter((one) => one.channel === channel)
        .map(({ sequence, message }) => [sequence, message.type]);
    expect(inChannel("talk")).toEqual([1, 2, 3].map((each) => [each, "message.sent"]));
    expect(inChannel("agent.positions")).toEqual([1, 2, 3, 4].map((each) => [each, "agent.positions"]));
  });

  it("keeps messages for a viewer that is behind, and agents are announced before them", () => {
    const viewer = world.viewer();
    viewer.outlet.channels.create({
      channelId: "all",
      streams: ["agent.registered", "message.sent", "agent.positions"],
    });
    world.pass(200);
    viewer.sticks();
    viewer.forget();
    world.telemetry.says({});
    world.pass(100);
    world.telemetry.appears("new");
    world.pass(500);
    expect(viewer.frames).toEqual([]);
    viewer.drains();
    world.pass(500);
    const told = (viewer.texts() as unknown as { sequence: number; message: { type: string } }[])
      .filter(({ message }) => (message as unknown) !== undefined)
      .map(({ sequence, message }) => [sequence, message.type]);
    expect(told).toEqual([
      [2 + 2, "message.sent"],
      [5, "agent.registered"],
      [6, "agent.positions"],
    ]);
    expect(viewer.texts("channel.dropped")).toEqual([]);
  });
});

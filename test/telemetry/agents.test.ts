import { beforeEach, describe, expect, it } from "vitest";
import { principal } from "../../src/core/index.js";
import { TelemetryWorld } from "../kit/telemetry-world.js";

const tenMinutes = 600_000;

describe("agents that are shown", () => {
  let world: TelemetryWorld;
  let stop: () => void;
  beforeEach(() => {
    world = new TelemetryWorld();
    world.arrive("ada");
    world.arrive("__proto__");
    stop = world.telemetry.look("agents");
  });
  const shown = (): string[] =>
    [...world.telemetry.agents()].map(({ id, name, state }) => `${String(id)} ${name} ${state}`);

  it("are those who are here, with a number each, and those who come", () => {
    world.arrive("bob", "agentchat", principal("bob", "proved", { displayName: "Bob", proof: "token:bob" }));
    expect(shown()).toEqual(["1 __proto__ IDLE", "2 ada IDLE", "3 bob IDLE"]);
    expect(world.registered).toEqual([
      {
        id: 3,
        name: "bob",
        displayName: "Bob",
        dialect: "agentchat",
        trust: "proved",
        hidden: false,
        demo: false,
        state: "IDLE",
        since: world.clock.now(),
      },
    ]);
    expect(world.told()).toEqual(["bob IDLE Agent connected"]);
    expect(world.telemetry.agent("nobody")).toBeUndefined();
  });

  it("keep their number while they are here and ten minutes longer, and then nobody has it", () => {
    world.depart("ada");
    world.clock.advance(tenMinutes - 1);
    world.arrive("ada");
    expect(world.telemetry.agent("ada")?.id).toBe(2);
    world.depart("ada");
    world.clock.advance(tenMinutes + 1_000);
    expect(world.telemetry.agent("ada")).toBeUndefined();
    world.arrive("ada");
    expect(world.telemetry.agent("ada")?.id).toBe(3);
    expect(world.telemetry.system()).toMatchObject({ activeAgents: 2, totalAgents: 2 });
  });

  it("say since when they are offline", () => {
    world.clock.advance(5_000);
    world.depart("ada");
    expect(world.telemetry.agent("ada")).toMatchObject({ state: "OFFLINE", since: world.clock.now() });
    expect(world.telemetry.system()).toMatchObject({ activeAgents: 1, totalAgents: 2 });
  });

  it("are announced again when they prove more than before", () => {
    world.directory.arrive({ principal: principal("ada", "proved", { proof: "token:ada" }), dialect: "pan" });
    expect(world.registered).toEqual([]);
    world.clock.advance(1_000);
    expect(world.registered.map(({ name, trust, id }) => [name, trust, id])).toEqual([["ada", "proved", 2]]);
  });

  it("are marked where they are listed to their contacts only, and where they are of the demo", () => {
    world.arrive("spy", "secret");
    world.arrive("demo-poet");
    expect(world.registered.map(({ name, hidden, demo }) => [name, hidden, demo])).toEqual([
      ["spy", true, false],
      ["demo-poet", false, true],
    ]);
  });

  it("are not shown before they are listed", () => {
    const inferred = world.directory.arrive({ principal: principal("bob", "claimed"), dialect: "zmq", listed: false });
    expect(world.telemetry.agent("bob")).toBeUndefined();
    inferred.show();
    expect(world.telemetry.agent("bob")?.state).toBe("IDLE");
  });

  it("are no more than can be looked at: of those who have gone the longest gone leave first", () => {
    for (let n = 0; n <= 10_000; n += 1) {
      world.arrive(`a${String(n)}`);
      world.depart(`a${String(n)}`);
    }
    expect(world.telemetry.agent("a0")).toBeUndefined();
    expect(world.telemetry.agent("a1")?.state).toBe("OFFLINE");
  });

  it("are counted for a minute longer than somebody looks, and then nothing is", () => {
    const { since } = world.telemetry;
    const timers = world.clock.waiting;
    stop();
    world.clock.advance(59_999);
    expect([world.telemetry.since, shown().length]).toEqual([since, 2]);
    const again = world.telemetry.look("agents");
    again();
    again();
    world.clock.advance(59_999);
    expect(world.telemetry.since).toBe(since);
    world.clock.advance(1);
    expect([world.telemetry.since, shown(), world.clock.waiting]).toEqual([undefined, [], 0]);
    expect(timers).toBeGreaterThan(0);
    world.arrive("bob");
    world.ask("ada", "bob");
    expect([world.registered, world.changes, shown()]).toEqual([[], [], []]);
  });

  it("are where they say that they are, also if they said it before somebody looked", () => {
    expect(world.report("ada", "telemetry.position", { x: 1, y: 2, z: 3, vx: 4 })).toBe("taken");
    expect(world.telemetry.allPositions().count).toBe(0);
    world.telemetry.look("positions");
    const frame = world.telemetry.positions();
    const index = [0, 1].find((at) => frame?.agentAt(at)?.name === "ada") ?? -1;
    expect([...(frame?.values ?? [])].slice(index * 6, index * 6 + 6)).toEqual([1, 2, 3, 4, 0, 0]);
    expect(frame?.ids[index]).toBe(2);
    world.report("ada", "telemetry.position", { x: 5, y: 6, z: 7 });
    expect(world.telemetry.positions()?.moved).toContain(index);
  });

  it("go on for others when a listener throws", () => {
    world.telemetry.listen({
      registered: () => {
        throw new Error("broken");
      },
    });
    const heard: string[] = [];
    world.telemetry.listen({ registered: ({ name }) => heard.push(name) });
    world.arrive("bob");
    expect([heard, world.failed.map(String)]).toEqual([["bob"], ["Error: broken"]]);
  });

  it("are there in flows and samples while somebody looks at the graph", () => {
    const said: string[] = [];
    world.telemetry.listen({ said: ({ from, to }) => said.push(`${from} ${to}`) });
    world.say("ada", "__proto__");
    const end = world.telemetry.look("graph");
    world.say("ada", "__proto__");
    expect(said).toEqual(["ada __proto__"]);
    expect(world.telemetry.changedFlows(0, 10).flows).toMatchObject([
      { from: "ada", to: "__proto__", messageCount: 1 },
    ]);
    end();
    world.clock.advance(60_000);
    expect(world.telemetry.changedFlows(0, 10).flows).toEqual([]);
  });
});

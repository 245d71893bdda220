import { afterEach, describe, expect, it } from "vitest";
import { StreamWorld, type TestViewer } from "../../../kit/stream-world.js";

let world: StreamWorld;
afterEach(() => {
  world.stop();
  expect(world.timers).toBe(0);
  expect(world.telemetry.listeners).toBe(0);
  expect(world.telemetry.looks).toEqual({ agents: 0, graph: 0, positions: 0 });
});

function names(viewer: TestViewer, type: string): unknown[] {
  return viewer.texts(type).map(({ payload }) => payload["agentId"]);
}

describe("a new viewer", () => {
  it("is told of all agents, of the state of each, and of all positions, once", () => {
    world = new StreamWorld();
    for (const name of ["ada", "bob"]) world.telemetry.appears(name);
    const viewer = world.viewer();
    world.pass(3_000);
    expect(names(viewer, "agent.registered")).toEqual(["ada", "bob"]);
    expect(viewer.texts("agent.state.changed").map(({ payload }) => payload)).toEqual([
      { agentId: "ada", previousState: null, newState: "IDLE", reason: "first told", metadata: {} },
      { agentId: "bob", previousState: null, newState: "IDLE", reason: "first told", metadata: {} },
    ]);
    const [positions, ...more] = viewer.texts("agent.positions");
    expect(more).toEqual([]);
    expect(positions?.payload["agents"]).toHaveLength(2);
  });

  it("is told of nothing before it is announced, and of each change that comes meanwhile", () => {
    world = new StreamWorld();
    for (let each = 0; each < 1_000; each += 1) world.telemetry.appears(`a${String(each)}`);
    const viewer = world.viewer();
    world.pass(40);
    world.telemetry.appears("late");
    world.telemetry.changes("late", "EXECUTING");
    world.telemetry.changes("a0", "WAITING");
    world.telemetry.changes("a999", "ERROR");
    world.pass(1_000);
    const last = new Map<unknown, unknown>();
    const known = new Set<unknown>();
    for (const { type, payload } of viewer.texts()) {
      if (type === "agent.registered") known.add(payload["agentId"]);
      if (type === "agent.state.changed") {
        expect(known.has(payload["agentId"]), String(payload["agentId"])).toBe(true);
        last.set(payload["agentId"], payload["newState"]);
      }
      if (type === "agent.positions")
        for (const { agentId } of payload["agents"] as { agentId: string }[]) expect(known.has(agentId)).toBe(true);
    }
    expect(known.size).toBe(1_001);
    expect([last.get("late"), last.get("a0"), last.get("a999"), last.get("a1")]).toEqual([
      "EXECUTING",
      "WAITING",
      "ERROR",
      "IDLE",
    ]);
  });

  it("hears what is said from its first moment on, behind the agents", () => {
    world = new StreamWorld();
    world.telemetry.appears("ada");
    const viewer = world.viewer();
    world.telemetry.says({ from: "ada" });
    world.pass(40);
    const types = viewer.texts().map(({ type }) => type);
    expect(types.filter((type) => type === "agent.registered" || type === "message.sent")).toEqual([
      "agent.registered",
      "message.sent",
    ]);
  });

  it("catches up with 10,000 agents in slices", () => {
    world = new StreamWorld();
    for (let each = 0; each < 10_000; each += 1) world.telemetry.appears(`agent-${String(each)}`);
    world.pass(100);
    const viewer = world.viewer({ binary: true });
    const turns = world.pass(5_000);
    expect(viewer.texts("agent.registered")).toHaveLength(10_000);
    const states = viewer.binaries().flatMap((frame) => (frame.type === "states" ? frame.agents : []));
    expect(states).toHaveLength(10_000);
    const spots = viewer.binaries().flatMap((frame) => (frame.type === "positions" ? frame.agents : []));
    expect(new Set(spots.map(({ id }) => id)).size).toBe(10_000);
    expect(turns).toBeLessThan(100); // far below what it takes at once; a machine under load has longer turns
  });

  it("is not shown who is listed to contacts only, in no stream, unless it inspects", () => {
    world = new StreamWorld();
    world.telemetry.appears("ada");
    world.telemetry.appears("secret", { hidden: true });
    const [observer, inspector] = [world.viewer({ insight: "observe" }), world.viewer({ binary: true })];
    const binary = world.viewer({ insight: "observe", binary: true });
    world.pass(500);
    world.telemetry.changes("secret", "EXECUTING");
    world.telemetry.works("secret");
    world.telemetry.moves("secret", 9);
    const agent = world.telemetry.of("secret");
    world.telemetry.tells((listener) =>
      listener.capability?.({ agent, action: "add", capability: { name: "spying" }, at: 0 }),
    );
    world.telemetry.tells((listener) =>
      listener.coordination?.({
        type: "coordination.initiated",
        payload: { initiator: { id: "secret" } },
        at: 0,
        hidden: true,
      }),
    );
    world.telemetry.tells((listener) =>
      listener.coordination?.({ type: "coordination.progress", payload: { note: "secret" }, at: 0, hidden: true }),
    );
    world.pass(2_000);
    expect(JSON.stringify(observer.texts())).not.toMatch(/secret|spying/);
    expect(JSON.stringify(binary.texts())).not.toMatch(/secret|spying/);
    const seen = (viewer: TestViewer): unknown[] =>
      viewer.binaries().filter((frame) => hasSecret(JSON.stringify(frame)));
    expect(seen(binary)).toEqual([]);
    expect(seen(inspector).length).toBeGreaterThan(3);
    expect(names(inspector, "agent.registered")).toEqual(["ada", "secret"]);
  });

  it("looks at what it wants only, as long as it is there", () => {
    world = new StreamWorld();
    const [agents, graph] = [
      world.viewer({ streams: ["agent.registered"] }),
      world.viewer({ streams: ["message.sent"] }),
    ];
    expect(world.telemetry.looks).toEqual({ agents: 1, graph: 1, positions: 0 });
    agents.changes({ streams: new Set(["agent.positions"]) });
    graph.leaves();
    expect(world.telemetry.looks).toEqual({ agents: 1, graph: 0, positions: 1 });
    agents.leaves();
    expect(world.telemetry.looks).toEqual({ agents: 0, graph: 0, positions: 0 });
    expect(world.timers).toBe(0);
    const nobody = world.viewer({ insight: undefined });
    expect(world.telemetry.looks).toEqual({ agents: 0, graph: 0, positions: 0 });
    expect(nobody.frames).toEqual([]);
  });

  it("is not told of all agents again and again, however often it selects", () => {
    world = new StreamWorld();
    for (let each = 0; each < 1_000; each += 1) world.telemetry.appears(`a${String(each)}`);
    const viewer = world.viewer();
    for (let each = 0; each < 40; each += 1) {
      viewer.changes({ streams: new Set() });
      viewer.changes({ streams: new Set(["agent.state.changed"]) });
      world.pass(50);
    }
    const told = viewer.frames.filter((frame) => frame.includes('"agent.registered"'));
    expect(told.length).toBeLessThan(25_000); // each selection alone would make 40,000
    world.pass(1_000);
    viewer.forget();
    world.telemetry.changes("a0", "ERROR");
    world.pass(100);
    expect(viewer.texts("agent.state.changed")).toHaveLength(1);
  });

  it("is told anew of what it selects later, and of whom it may see later", () => {
    world = new StreamWorld();
    world.telemetry.appears("secret", { hidden: true });
    const viewer = world.viewer({ insight: "observe", streams: ["system.metrics"] });
    world.pass(200);
    expect(viewer.texts("agent.registered")).toEqual([]);
    viewer.changes({ insight: "inspect" });
    world.pass(200);
    expect(names(viewer, "agent.registered")).toEqual(["secret"]);
    expect(viewer.texts("agent.state.changed")).toEqual([]);
    viewer.changes({ streams: new Set(["agent.state.changed", "agent.positions"]) });
    world.pass(200);
    expect(names(viewer, "agent.state.changed")).toEqual(["secret"]);
    expect(viewer.texts("agent.positions")).toHaveLength(1);
  });
});

function hasSecret(text: string): boolean {
  return text.includes('"id":2') || text.includes("secret");
}

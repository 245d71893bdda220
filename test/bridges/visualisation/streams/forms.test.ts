import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StreamWorld } from "../../../kit/stream-world.js";

let world: StreamWorld;
beforeEach(() => {
  world = new StreamWorld();
  for (const name of ["ada", "bob"]) world.telemetry.appears(name);
});
afterEach(() => {
  world.stop();
});

const opened = { type: "coordination.initiated", payload: { coordinationId: "c1", initiator: { id: "ada" } }, at: 0 };
const progress = { type: "coordination.progress", payload: { coordinationId: "c1", progress: 1 }, at: 0 };

/** Everything that can be told happens once. */
function everything(): void {
  const { telemetry } = world;
  telemetry.changes("ada", "EXECUTING", { taskId: "t1" });
  const capability = { name: "analysis", category: "data", level: 4 };
  telemetry.tells((listener) =>
    listener.capability?.({ agent: telemetry.of("ada"), action: "add", capability, at: 0 }),
  );
  for (const event of [opened, progress] as const)
    telemetry.tells((listener) => listener.coordination?.(event as never));
  telemetry.says({ expiresAt: "2030-01-01T00:00:00Z" });
  telemetry.moves("ada", 0.25);
  telemetry.works("ada");
  telemetry.flows({ messageCount: 3 });
  world.pass(1_200);
}

const json = {
  "agent.registered": [],
  "agent.state.changed": [
    {
      agentId: "ada",
      previousState: "IDLE",
      newState: "EXECUTING",
      reason: "test",
      metadata: { taskId: "t1" },
    },
  ],
  "agent.capability.update": [
    { agentId: "ada", action: "add", capability: { name: "analysis", category: "data", level: 4 } },
  ],
  "agent.positions": [{ agents: [{ id: 1, agentId: "ada", x: 0.25, y: 2, z: 3, vx: 4, vy: 5, vz: 6 }] }],
  "coordination.initiated": [opened.payload],
  "coordination.progress": [progress.payload],
  "message.sent": [
    {
      messageId: "m1",
      from: { id: "ada", namespace: "pan" },
      to: [{ id: "bob", namespace: "pan" }],
      messageType: "REQUEST",
      priority: "HIGH",
      content: { message: "hello" },
      expiry: "2030-01-01T00:00:00Z",
    },
  ],
  "message.flow.stats": [
    {
      flowId: "ada-bob",
      from: "ada",
      to: "bob",
      statistics: {
        messageCount: 3,
        averageLatency: null,
        maxLatency: null,
        minLatency: null,
        successRate: null,
        bandwidth: 0,
        lastActivity: "1970-01-01T00:00:00.000Z",
      },
      since: "1970-01-01T00:00:00.000Z",
    },
  ],
};

describe("each stream", () => {
  it("comes as JSON", () => {
    const viewer = world.viewer();
    world.pass(100);
    viewer.forget();
    everything();
    for (const [type, payloads] of Object.entries(json))
      expect([type, viewer.texts(type).map(({ payload }) => payload)]).toEqual([type, payloads]);
    const [performance] = viewer.texts("agent.performance.update");
    expect(performance?.payload).toMatchObject({ agentId: "ada", metrics: { tasksCompleted: 42 }, trends: {} });
    expect(viewer.texts("system.metrics")[0]?.payload).toMatchObject({ activeAgents: 0, alerts: [] });
    expect(viewer.binaries()).toEqual([]);
    const ids = viewer.texts().map((one) => (one as unknown as { id: string }).id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("comes in binary where it has a binary form, and not in JSON too", () => {
    const viewer = world.viewer({ binary: true });
    world.pass(100);
    expect(viewer.texts("agent.registered")).toHaveLength(2);
    viewer.forget();
    everything();
    expect(viewer.binaries()).toEqual([
      { type: "states", priority: 1, agents: [{ id: 1, state: 2, metadata: { taskId: "t1" } }] },
      { type: "coordination", priority: 1, payload: { ...opened.payload, type: opened.type } },
      { type: "coordination", priority: 1, payload: { ...progress.payload, type: progress.type } },
      { type: "positions", priority: 1, agents: [{ id: 1, x: 0.25, y: 2, z: 3, vx: 4, vy: 5, vz: 6 }] },
      {
        type: "metrics",
        priority: 1,
        metrics: { id: 1, tasks: 42, success: 0.5, averageMs: 234, cpu: 25, memory: 1_024 },
      },
    ]);
    const types = new Set(viewer.texts().map(({ type }) => type));
    expect([...types].sort()).toEqual([
      "agent.capability.update",
      "message.flow.stats",
      "message.sent",
      "system.metrics",
    ]);
  });

  it("comes compressed where it is smaller so, and says the same", () => {
    for (let each = 0; each < 300; each += 1) world.telemetry.appears(`agent-${String(each)}`);
    const plain = world.viewer();
    const [deflate, gzip, binary] = [
      world.viewer({ compression: { algorithm: "deflate", level: 6 } }),
      world.viewer({ compression: { algorithm: "gzip", level: 1 } }),
      world.viewer({ compression: { algorithm: "deflate", level: 1 }, binary: true }),
    ];
    world.pass(500);
    for (const viewer of [plain, deflate, gzip, binary]) viewer.forget();
    everything();
    const said = plain.texts().map(({ type, payload }) => ({ type, payload }));
    expect(deflate.texts().map(({ type, payload }) => ({ type, payload }))).toEqual(said);
    expect(gzip.texts().map(({ type, payload }) => ({ type, payload }))).toEqual(said);
    expect(deflate.frames.some((frame) => frame[4] === 5)).toBe(true);
    expect(binary.binaries()).toHaveLength(5);
  });

  it("is compressed where much is the same", () => {
    for (let each = 0; each < 300; each += 1) world.telemetry.appears(`agent-${String(each)}`);
    const plain = world.viewer({ binary: true, streams: ["agent.positions"] });
    const packed = world.viewer({
      binary: true,
      streams: ["agent.positions"],
      compression: { algorithm: "brotli", level: 5 },
    });
    world.pass(500);
    const bytes = (frames: readonly (string | Buffer)[]): number =>
      frames.reduce((sum, frame) => sum + (typeof frame === "string" ? 0 : frame.length), 0);
    expect(bytes(packed.frames)).toBeGreaterThan(0);
    expect(bytes(packed.frames)).toBeLessThan(bytes(plain.frames) / 2);
  });

  it("says in JSON what no binary frame can hold", () => {
    const viewer = world.viewer({ binary: true });
    world.pass(100);
    viewer.forget();
    world.telemetry.changes("bob", "ERROR");
    world.telemetry.changes("ada", "ERROR", { why: "x".repeat(70_000) });
    world.pass(100);
    expect(viewer.texts("agent.state.changed").map(({ payload }) => payload["agentId"])).toEqual(["ada"]);
    expect(viewer.binaries().filter(({ type }) => type === "states")).toHaveLength(1);
  });

  it("comes only where it is selected, but agents are always announced", () => {
    const viewer = world.viewer({ streams: ["message.sent"] });
    world.pass(100);
    viewer.forget();
    everything();
    world.telemetry.appears("new");
    world.pass(100);
    expect(viewer.texts().map(({ type }) => type)).toEqual(["message.sent", "agent.registered"]);
  });
});

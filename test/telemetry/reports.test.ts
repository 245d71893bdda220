import { beforeEach, describe, expect, it } from "vitest";
import { Message, principal } from "../../src/core/index.js";
import { TelemetryWorld } from "../kit/telemetry-world.js";

const position = { x: 0, y: 0, z: 0 };
const capability = (name: string, more: object = {}): object => ({ action: "add", capability: { name, ...more } });

describe("what agents report of themselves", () => {
  let world: TelemetryWorld;
  beforeEach(() => {
    world = new TelemetryWorld({ capabilitiesPerAgentMax: 3 });
    world.arrive("ada");
    world.telemetry.look("agents");
  });

  it.each([
    ["no data", "telemetry.state", undefined, "malformed"],
    ["a list", "telemetry.state", [], "malformed"],
    ["an unknown state", "telemetry.state", { newState: "DREAMING" }, "malformed"],
    ["a state that nobody reports who is here", "telemetry.state", { newState: "OFFLINE" }, "malformed"],
    ["a reason that clears a terminal", "telemetry.state", { newState: "IDLE", reason: "\u001b[2J" }, "malformed"],
    ["metadata that is no object", "telemetry.state", { newState: "IDLE", metadata: "much" }, "malformed"],
    ["no place", "telemetry.position", {}, "malformed"],
    ["NaN", "telemetry.position", { ...position, x: NaN }, "malformed"],
    ["infinity", "telemetry.position", { ...position, vz: Infinity }, "malformed"],
    ["a place too far away", "telemetry.position", { ...position, y: 1e30 }, "malformed"],
    ["no metrics", "telemetry.metrics", {}, "malformed"],
    ["a share above 1", "telemetry.metrics", { metrics: { successRate: 1.01 } }, "malformed"],
    ["half a task", "telemetry.metrics", { metrics: { tasksCompleted: 0.5 } }, "malformed"],
    ["less than no memory", "telemetry.metrics", { metrics: { memoryUsage: -1 } }, "malformed"],
    ["an unknown trend", "telemetry.metrics", { metrics: {}, trends: { loadTrend: "up" } }, "malformed"],
    ["an unknown action", "telemetry.capability", { action: "have", capability: { name: "x" } }, "malformed"],
    ["no capability", "telemetry.capability", { action: "add" }, "malformed"],
    ["a capability without a name", "telemetry.capability", capability(""), "malformed"],
    ["a capability of a long name", "telemetry.capability", capability("x".repeat(129)), "malformed"],
    ["a capability of an infinite level", "telemetry.capability", capability("x", { level: Infinity }), "malformed"],
    ["a coordination without an id", "coordination.initiated", { pattern: "AUCTION" }, "malformed"],
    [
      "progress of an unknown coordination",
      "coordination.progress",
      { coordinationId: "c", progress: 0, status: "BIDDING" },
      "not-found",
    ],
    ["somebody else's state", "telemetry.state", { agentId: "bob", newState: "IDLE" }, "forbidden"],
    [
      "somebody else's coordination",
      "coordination.initiated",
      { agentId: "bob", coordinationId: "c", pattern: "AUCTION" },
      "forbidden",
    ],
    [
      "more than may be said",
      "telemetry.state",
      { newState: "IDLE", metadata: { text: "x".repeat(4_096) } },
      "too-large",
    ],
    ["another kind", "telemetry.mood", {}, "unsupported"],
    ["a kind that every object has", "toString", {}, "unsupported"],
  ])("is refused with %s, told and counted", (_what, kind, data, code) => {
    expect(world.report("ada", kind, data)).toBe(code);
    expect(world.ledger.reasons).toEqual({ "report-refused": 1, [`guard-${code}`]: 1 });
    expect([world.state("ada"), world.changes, world.telemetry.coordinations()]).toEqual(["IDLE", [], []]);
  });

  it("is refused as a question, and from who is not here", () => {
    expect(world.report("ada", "telemetry.state", { newState: "IDLE" }, "request")).toBe("unsupported");
    expect(world.report("bob", "telemetry.state", { newState: "IDLE" })).toBe("not-found");
  });

  it("is heard by taps of those who observe, and by nobody as an answer", () => {
    const heard: unknown[] = [];
    world.router.tap({ sight: "public", deliver: ({ envelope }) => heard.push(envelope?.content.kind) > 0 });
    expect(world.report("ada", "telemetry.state", { newState: "EXECUTING" })).toBe("taken");
    expect(heard).toEqual(["telemetry.state"]);
    expect(world.notices).toEqual([]);
    // The other one is that ada is online.
    expect(world.ledger.messages).toMatchObject({ routed: 2, unroutable: 0, refused: 0 });
  });

  it("of coordinations goes where they are known, and to who listens", () => {
    const events: unknown[] = [];
    world.telemetry.listen({ coordination: ({ type }) => events.push(type) });
    const long = { text: "x".repeat(5_000) };
    world.report("ada", "coordination.initiated", { coordinationId: "c", pattern: "AUCTION", parameters: long });
    world.report("ada", "coordination.progress", { coordinationId: "c", progress: 0.5, status: "BIDDING" });
    expect(events).toEqual(["coordination.initiated", "coordination.progress"]);
    expect(world.telemetry.coordinations()).toHaveLength(2);
  });

  describe("faster than ten times a second", () => {
    it("is merged: the newest wins, and the others are counted", () => {
      for (let n = 0; n < 30; n += 1)
        world.report("ada", "telemetry.state", { newState: "WAITING", reason: `r${String(n)}` });
      expect(world.told()).toHaveLength(10);
      expect(world.ledger.reasons).toEqual({ "report-merged": 19 });
      world.clock.advance(1_000);
      expect(world.told()).toEqual(["ada WAITING r29"]);
    });

    it("does not touch other agents and other kinds", () => {
      world.arrive("bob");
      for (let n = 0; n < 20; n += 1) world.report("ada", "telemetry.position", position);
      world.told();
      world.report("bob", "telemetry.state", { newState: "EXECUTING" });
      world.report("ada", "telemetry.state", { newState: "EXECUTING" });
      expect(world.told()).toHaveLength(2);
    });

    it("loses no capability, since each is about another thing", () => {
      const many = new TelemetryWorld();
      many.arrive("ada");
      for (let n = 0; n < 25; n += 1) many.report("ada", "telemetry.capability", capability(`c${String(n)}`));
      expect(many.telemetry.capabilitiesOf("ada")).toHaveLength(10);
      many.clock.advance(1_000);
      expect(many.telemetry.capabilitiesOf("ada")).toHaveLength(20);
      many.clock.advance(1_000);
      expect(many.telemetry.capabilitiesOf("ada")).toHaveLength(25);
      expect([many.clock.waiting, many.ledger.reasons]).toEqual([0, {}]);
    });

    it("tells later what could not be taken later", () => {
      for (let n = 0; n < 10; n += 1) world.report("ada", "telemetry.capability", capability("a"));
      const kind = "telemetry.capability";
      expect(world.report("ada", kind, { action: "remove", capability: { name: "other" } })).toBe("taken");
      world.clock.advance(1_000);
      expect(world.notices.map(({ content }) => [content.kind, content.message])).toEqual([
        ["fault", 'you have no capability "other"'],
      ]);
    });

    it("is forgotten when its agent goes, and sets no timer for ever", () => {
      for (let n = 0; n < 30; n += 1) world.report("ada", "telemetry.state", { newState: "WAITING" });
      world.depart("ada");
      world.told();
      world.clock.advance(2_000);
      expect(world.told()).toEqual([]);
      world.telemetry.close();
      expect(world.clock.waiting).toBe(0);
    });

    it("waits no more than so much of all agents", () => {
      const many = new TelemetryWorld({ capabilitiesPerAgentMax: 1_000 });
      for (let who = 0; who < 40; who += 1) {
        many.arrive(`a${String(who)}`);
        for (let n = 0; n < 74; n += 1)
          many.report(`a${String(who)}`, "telemetry.capability", capability(`c${String(n)}`));
      }
      expect(many.ledger.reasons["report-merged"]).toBe(40 * 64 - 2_000);
    });
  });

  describe("of what they can do", () => {
    const says = (who: string, more: object): string => world.report(who, "telemetry.capability", more);

    it("is found by its name or category in any case, and told with what is new of it", () => {
      world.arrive("bob");
      says("bob", capability("Advanced_Analysis", { category: "Analysis", level: 4, description: "with models" }));
      says("ada", capability("analysis", { more: { gpu: true } }));
      says("ada", capability("analysis", { level: 2 }));
      const found = (word: string): readonly string[] => world.telemetry.withCapability(word).map(({ name }) => name);
      expect([found("ANALYSIS"), found("advanced_analysis"), found("advanced")]).toEqual([["ada", "bob"], ["bob"], []]);
      expect(world.capabilities.map(({ agent, action, capability: { name } }) => [agent.name, action, name])).toEqual([
        ["bob", "add", "Advanced_Analysis"],
        ["ada", "add", "analysis"],
        ["ada", "update", "analysis"],
      ]);
      expect(world.telemetry.capabilitiesOf("ada")).toEqual([{ name: "analysis", level: 2 }]);
    });

    it("ends when it is taken back, and with its agent", () => {
      says("ada", capability("a", { category: "b" }));
      says("ada", capability("b"));
      expect(says("ada", { action: "remove", capability: { name: "a" } })).toBe("taken");
      expect(world.telemetry.withCapability("a")).toEqual([]);
      expect(world.telemetry.withCapability("b")).toHaveLength(1);
      expect(says("ada", { action: "remove", capability: { name: "a" } })).toBe("not-found");
      world.depart("ada");
      world.arrive("ada");
      expect([world.telemetry.withCapability("b"), world.telemetry.capabilitiesOf("ada")]).toEqual([[], []]);
    });

    it("is no more than so many, of agents that are called what they like", () => {
      for (const name of ["__proto__", "constructor", "c"]) expect(says("ada", capability(name))).toBe("taken");
      expect(says("ada", capability("d"))).toBe("full");
      expect(says("ada", capability("__proto__", { level: 1 }))).toBe("taken");
      expect(world.telemetry.withCapability("__PROTO__").map(({ name }) => name)).toEqual(["ada"]);
    });

    it("is kept though nobody looks", () => {
      const dark = new TelemetryWorld();
      dark.arrive("ada");
      dark.report("ada", "telemetry.capability", capability("a"));
      expect([dark.telemetry.capabilitiesOf("ada"), dark.telemetry.capabilities.agentsWith("A")]).toEqual([
        [{ name: "a" }],
        ["ada"],
      ]);
      expect([dark.clock.waiting, dark.capabilities]).toEqual([0, []]);
    });
  });

  it("takes no more memory than there is, and leaves a quarter to those with a token", () => {
    const small = new TelemetryWorld({ telemetryMaxBytes: 40_000 });
    const metadata = { text: "x".repeat(3_000) };
    const codes: string[] = [];
    for (let n = 0; n < 30; n += 1) {
      const name = `a${String(n)}`;
      small.arrive(name);
      codes.push(small.report(name, "telemetry.state", { newState: "IDLE", metadata }));
    }
    expect(codes.filter((code) => code === "taken").length).toBeLessThanOrEqual(9);
    expect(codes.at(-1)).toBe("full");
    expect(small.report("a29", "telemetry.position", position)).toBe("taken");
    const owner = principal("owner", "proved", { proof: "token:owner" });
    small.arrive("owner", "pan", owner);
    const content = { message: "", kind: "telemetry.state", data: { newState: "IDLE", metadata } };
    const arrival = { topic: "$telemetry", receivedAt: 0, trust: "proved" as const, origin: {}, speaker: owner };
    const envelope = {
      message_id: "m",
      timestamp: "",
      from: "owner",
      to: "$telemetry",
      type: "inform" as const,
      priority: "NORMAL" as const,
      content,
    };
    expect(() => small.exchange.submit(Message.of(envelope, arrival))).not.toThrow();
    for (let n = 0; n < 30; n += 1) small.depart(`a${String(n)}`);
    small.arrive("late");
    expect(small.report("late", "telemetry.state", { newState: "IDLE", metadata })).toBe("taken");
  });
});

import { beforeEach, describe, expect, it } from "vitest";
import type { Performance } from "../../src/telemetry/telemetry.js";
import { TelemetryWorld } from "../kit/telemetry-world.js";

describe("figures of agents", () => {
  let world: TelemetryWorld;
  beforeEach(() => {
    world = new TelemetryWorld();
    for (const name of ["ada", "bob"]) world.arrive(name);
    world.telemetry.look("agents");
  });
  const metrics = (name: string): Partial<Performance["metrics"]> => world.telemetry.performance(name)?.metrics ?? {};
  const trends = (): Performance["trends"] | undefined => world.telemetry.performance("bob")?.trends;
  /** Bob answers a request of ada's after so long. */
  const serve = (ms: number, data?: unknown): void => {
    const id = world.ask("ada", "bob", { wait_ms: 60_000 });
    world.clock.advance(ms);
    world.answer("bob", "ada", id, data);
  };

  it("are null where nothing is known, and nothing is made up", () => {
    expect(world.telemetry.performance("bob")).toEqual({
      agent: world.telemetry.agent("bob"),
      metrics: {
        tasksCompleted: 0,
        successRate: null,
        averageResponseTime: null,
        resourceUtilization: null,
        communicationEfficiency: null,
        uptime: 0,
        messageQueueSize: 0,
        connectionCount: 1,
        memoryUsage: null,
        messagesSent: 0,
        messagesReceived: 0,
      },
      trends: { successRateTrend: null, responseTrend: null, loadTrend: null },
      since: world.clock.now(),
    });
    expect(world.telemetry.performance("nobody")).toBeUndefined();
  });

  it("count answers, failures and what came too late, on both sides", () => {
    serve(100);
    serve(300);
    serve(200, { error: "no" });
    world.ask("ada", "bob", { wait_ms: 1_000 });
    world.clock.advance(1_000);
    expect(metrics("bob")).toMatchObject({
      tasksCompleted: 2,
      successRate: 0.5,
      averageResponseTime: 200,
      communicationEfficiency: 0.75,
      messagesSent: 3,
      messagesReceived: 4,
      uptime: 1_600,
    });
    expect(metrics("ada")).toMatchObject({ tasksCompleted: 0, successRate: null, communicationEfficiency: 0.75 });
  });

  it("do not count what was cancelled, or gave no time and was not answered", () => {
    world.ask("ada", "bob");
    world.clock.advance(30_000);
    world.ask("ada", "bob");
    world.depart("ada");
    expect(metrics("bob")).toMatchObject({ successRate: null, communicationEfficiency: null, messagesReceived: 2 });
  });

  it("take the mean of the last 100 answers only", () => {
    serve(10_000);
    for (let n = 0; n < 100; n += 1) serve(50);
    expect(metrics("bob").averageResponseTime).toBeCloseTo(50);
  });

  it("say in which share of the last minute it owed an answer", () => {
    serve(15_000);
    expect(metrics("bob").resourceUtilization).toBe(1);
    world.clock.advance(15_000);
    expect(metrics("bob").resourceUtilization).toBe(0.5);
    world.clock.advance(30_000);
    expect(metrics("bob").resourceUtilization).toBe(0.25);
    world.clock.advance(10_000);
    expect(metrics("bob").resourceUtilization).toBeCloseTo(5 / 60);
    world.clock.advance(10_000);
    world.ask("ada", "bob", { wait_ms: 60_000 });
    world.clock.advance(6_000);
    expect(metrics("bob").resourceUtilization).toBeCloseTo(6 / 60);
    world.depart("bob");
    world.clock.advance(70_000);
    expect(metrics("bob")).toMatchObject({ resourceUtilization: 0, uptime: 0, connectionCount: 0 });
  });

  it("have as queue what its mailbox holds, else what it owes", () => {
    world.ask("ada", "bob");
    world.ask("ada", "bob");
    expect(metrics("bob").messageQueueSize).toBe(2);
    world.mail.set("bob", 7);
    expect(metrics("bob").messageQueueSize).toBe(7);
  });

  it("compare the last minute with the one before", () => {
    expect(trends()).toEqual({ successRateTrend: null, responseTrend: null, loadTrend: null });
    for (let n = 0; n < 10; n += 1) {
      serve(1_000, n % 2 === 0 ? undefined : { error: "no" });
      world.clock.advance(5_000);
    }
    expect(trends()).toEqual({ successRateTrend: null, responseTrend: null, loadTrend: null });
    for (let n = 0; n < 10; n += 1) {
      serve(3_000);
      world.clock.advance(3_000);
    }
    expect(trends()).toEqual({ successRateTrend: "improving", responseTrend: "degrading", loadTrend: "increasing" });
    for (let n = 0; n < 10; n += 1) {
      serve(3_000);
      world.clock.advance(3_000);
    }
    expect(trends()).toEqual({ successRateTrend: "stable", responseTrend: "stable", loadTrend: "stable" });
    for (let n = 0; n < 10; n += 1) {
      serve(100, { error: "no" });
      world.clock.advance(5_900);
    }
    expect(trends()).toEqual({ successRateTrend: "declining", responseTrend: "improving", loadTrend: "decreasing" });
  });

  it("are those that an agent reports, where it reports them", () => {
    serve(100);
    const told = { tasksCompleted: 42, memoryUsage: 104_857_600, averageResponseTime: null };
    expect(
      world.report("bob", "telemetry.metrics", { agentId: "bob", metrics: told, trends: { loadTrend: "stable" } }),
    ).toBe("taken");
    expect(metrics("bob")).toMatchObject({
      tasksCompleted: 42,
      memoryUsage: 104_857_600,
      averageResponseTime: 100,
      successRate: 1,
    });
    expect(trends()).toEqual({ successRateTrend: null, responseTrend: null, loadTrend: "stable" });
  });

  it("count nothing of what only inspect may know", () => {
    world.ask("ada", "bob", {}, { hidden: true });
    world.arrive("operator");
    world.arrive("spy", "secret");
    world.ask("operator", "spy");
    expect(["bob", "operator", "spy"].map((name) => metrics(name).messagesReceived)).toEqual([0, 0, 1]);
    expect(metrics("operator").messagesSent).toBe(0);
  });

  it("are told in turn, the oldest change first, so many at a time, and nothing twice", () => {
    const all = (since: number, max: number): readonly [readonly string[], number] => {
      const { agents, next } = world.telemetry.changedPerformance(since, max);
      return [agents.map(({ name }) => name), next];
    };
    let [names, since] = all(0, 1);
    expect(names).toEqual(["ada"]);
    world.say("ada", "bob");
    world.say("ada", "bob");
    [names, since] = all(since, 1);
    expect(names).toEqual(["bob"]);
    [names, since] = all(since, 10);
    expect(names).toEqual(["ada"]);
    expect(all(since, 10)[0]).toEqual([]);
    world.mail.set("bob", 3);
    expect(all(since, 10)[0]).toEqual([]);
    world.clock.advance(1_000);
    [names, since] = all(since, 10);
    expect(new Set(names)).toEqual(new Set(["ada", "bob"]));
    world.clock.advance(180_000);
    [, since] = all(since, 10);
    world.clock.advance(180_000);
    [, since] = all(since, 10);
    world.clock.advance(1_000);
    expect(all(since, 10)[0]).toEqual([]);
    world.mail.set("bob", 4);
    world.clock.advance(1_000);
    expect(all(since, 10)[0]).toEqual(["bob"]);
    expect(all(0, 10)[0]).toHaveLength(2);
  });
});

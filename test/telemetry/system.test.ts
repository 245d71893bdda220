import { beforeEach, describe, expect, it } from "vitest";
import type { SystemFigures } from "../../src/telemetry/telemetry.js";
import { TelemetryWorld } from "../kit/telemetry-world.js";

describe("figures of the system", () => {
  let world: TelemetryWorld;
  beforeEach(() => {
    world = new TelemetryWorld();
    for (const name of ["ada", "bob"]) world.arrive(name);
  });
  const system = (): SystemFigures => world.telemetry.system();
  const alerts = (): string[] => system().alerts.map(({ component, level }) => `${component} ${level}`);
  const seconds = (count: number, each: () => void = () => undefined): void => {
    for (let n = 0; n < count; n += 1) {
      each();
      world.clock.advance(1_000);
    }
  };

  it("are null where nothing is known, and nothing is made up", () => {
    expect(system()).toEqual({
      activeAgents: 0,
      totalAgents: 0,
      systemLoad: { cpu: null, memory: 0.5, gpu: null },
      messageMetrics: { rate: null, queueDepth: 0, averageLatency: null, errorRate: null },
      networkHealth: null,
      coordinationEfficiency: null,
      alerts: [],
    });
  });

  it("say how busy the machine was, and how much is said a second, over the last ten seconds", () => {
    world.telemetry.look("agents");
    seconds(5, () => {
      world.machine.all += 100;
      world.machine.busy += 25;
      for (let n = 0; n < 4; n += 1) world.say("ada", "bob");
    });
    expect([system().systemLoad.cpu, system().messageMetrics.rate]).toEqual([0.25, 4]);
    seconds(10, () => (world.machine.all += 100));
    expect([system().systemLoad.cpu, system().messageMetrics.rate]).toEqual([0, 0]);
  });

  it("say how long answers take, and what share of messages fails, over the last minute", () => {
    world.telemetry.look("agents");
    for (const ms of [100, 300]) {
      const id = world.ask("ada", "bob");
      world.clock.advance(ms);
      world.answer("bob", "ada", id);
    }
    expect(() => world.say("ada", "nobody")).toThrow();
    seconds(1);
    expect(system().messageMetrics).toMatchObject({ averageLatency: 200, errorRate: 0.2 });
    seconds(61);
    expect(system().messageMetrics).toMatchObject({ averageLatency: null, errorRate: null });
  });

  it("say what waits, in mailboxes and for slow receivers, and what share of the copies arrived", () => {
    world.telemetry.look("agents");
    world.mail.set("ada", 5);
    world.ledger.copies.pending = 3;
    seconds(1);
    expect(system()).toMatchObject({ messageMetrics: { queueDepth: 8 }, networkHealth: null });
    world.ledger.copies.written += 90;
    world.ledger.copies.dropped.full += 10;
    seconds(1);
    expect(system().networkHealth).toBe(0.9);
  });

  it("say how many coordinations were decided in time", () => {
    for (const [id, status] of [
      ["c1", "APPROVED"],
      ["c2", "TIMED_OUT"],
    ] as const) {
      world.coordinations.announce("coordination.initiated", "ada", { coordinationId: id, pattern: "CONSENSUS" });
      world.coordinations.announce("coordination.progress", "ada", { coordinationId: id, progress: 1, status });
    }
    expect(system().coordinationEfficiency).toBe(0.5);
  });

  it("raise an alert when a threshold is reached, since then, and end it when it is over", () => {
    world.telemetry.look("agents");
    world.machine.used = 0.95;
    seconds(1);
    const since = new Date(world.clock.now()).toISOString();
    seconds(5);
    expect(system().alerts).toEqual([
      { level: "warning", component: "memory", message: "The machine's memory is nearly full", timestamp: since },
    ]);
    world.machine.used = 0.99;
    seconds(1);
    expect(alerts()).toEqual(["memory critical"]);
    world.machine.used = 0.5;
    seconds(1);
    expect(alerts()).toEqual([]);
  });

  it("raise alerts for everything that they watch", () => {
    world.telemetry.look("agents");
    world.mail.set("ada", 10_000);
    world.machine.loopDelay = 0.1;
    world.machine.isFailing = true;
    world.ledger.messages.accepted += 100;
    world.ledger.messages.refused += 5;
    world.ledger.copies.written += 100;
    world.ledger.copies.dropped.full += 2;
    world.machine.all += 100;
    world.machine.busy += 99;
    seconds(1);
    expect(alerts()).toEqual([
      "processors critical",
      "message-bus critical",
      "event-loop warning",
      "messages warning",
      "network warning",
      "mailboxes critical",
    ]);
  });

  it("are not alarmed by a few messages", () => {
    world.telemetry.look("agents");
    for (let n = 0; n < 3; n += 1) expect(() => world.say("ada", "nobody")).toThrow();
    world.ledger.copies.dropped.closed += 3;
    seconds(1);
    expect([system().messageMetrics.errorRate, system().networkHealth, alerts()]).toEqual([1, 0, []]);
  });

  it("are sampled only while somebody looks", () => {
    const end = world.telemetry.look("agents");
    end();
    seconds(60);
    expect([world.clock.waiting, system().messageMetrics.rate]).toEqual([0, null]);
  });
});

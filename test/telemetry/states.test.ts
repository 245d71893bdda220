import { beforeEach, describe, expect, it } from "vitest";
import { TelemetryWorld } from "../kit/telemetry-world.js";

describe("states of agents", () => {
  let world: TelemetryWorld;
  beforeEach(() => {
    world = new TelemetryWorld();
    for (const name of ["ada", "bob", "eve"]) world.arrive(name);
    world.telemetry.look("agents");
    world.told();
  });

  it("are EXECUTING for who owes an answer and WAITING for who waits, in the document's words", () => {
    const taskId = world.ask("ada", "bob");
    expect(
      world.changes.map(({ agent, previousState, newState, reason, metadata }) => [
        agent.name,
        previousState,
        newState,
        reason,
        metadata,
      ]),
    ).toEqual([
      ["bob", "IDLE", "EXECUTING", "Task assigned", { taskId, estimatedDuration: null }],
      ["ada", "IDLE", "WAITING", "Waiting for an answer", { taskId, waitingFor: "bob" }],
    ]);
    world.told();
    world.clock.advance(250);
    world.answer("bob", "ada", taskId);
    expect(world.changes.map(({ metadata }) => metadata)).toEqual([
      { taskId, duration: 250 },
      { taskId, waitingFor: "bob" },
    ]);
    expect(world.told()).toEqual(["bob IDLE Task completed", "ada IDLE Answer received"]);
    world.ask("ada", "bob");
    expect(world.changes[0]?.metadata["estimatedDuration"]).toBe(250);
  });

  it("are told once however much somebody owes, and change when nothing is owed any more", () => {
    const [one, two] = [world.ask("ada", "bob"), world.ask("eve", "bob")];
    world.told();
    world.answer("bob", "ada", one);
    expect(world.told()).toEqual(["ada IDLE Answer received"]);
    world.answer("bob", "eve", two);
    expect(world.told()).toEqual(["bob IDLE Task completed", "eve IDLE Answer received"]);
  });

  it("are WAITING once what is owed is answered and what was asked is not", () => {
    const task = world.ask("ada", "bob");
    world.ask("bob", "eve");
    expect(world.state("bob")).toBe("EXECUTING");
    world.answer("bob", "ada", task);
    expect(world.state("bob")).toBe("WAITING");
  });

  it("take an answer without reference for the oldest request of the pair", () => {
    world.ask("ada", "bob");
    world.ask("ada", "bob");
    world.answer("bob", "ada");
    expect(world.state("bob")).toBe("EXECUTING");
    world.answer("bob", "ada", "somebody's id");
    expect(world.state("bob")).toBe("EXECUTING");
    world.answer("bob", "ada");
    expect(world.state("bob")).toBe("IDLE");
  });

  it("are ERROR after an answer that says so, until a request succeeds", () => {
    world.answer("bob", "ada", world.ask("ada", "bob"), { error: "no such tool" });
    expect(world.told().slice(2)).toEqual(["bob ERROR Task failed", "ada IDLE Answer received"]);
    const next = world.ask("ada", "bob");
    expect(world.state("bob")).toBe("EXECUTING");
    world.answer("bob", "ada", next);
    expect(world.state("bob")).toBe("IDLE");
  });

  it("are ERROR when the time is over that the request gave", () => {
    world.ask("ada", "bob", { wait_ms: 5_000 });
    world.told();
    world.clock.advance(4_999);
    expect(world.told()).toEqual([]);
    world.clock.advance(1);
    expect(world.told()).toEqual(["bob ERROR Task timed out", "ada IDLE No answer in time"]);
  });

  it("are no ERROR where a request gave no time: a chat that nobody answers is none", () => {
    world.ask("ada", "bob");
    world.told();
    world.clock.advance(30_000);
    expect(world.told()).toEqual(["bob IDLE Task not answered", "ada IDLE No answer"]);
  });

  it("are OFFLINE when an agent goes: what it asked is cancelled, and what it owes is waited for", () => {
    world.ask("ada", "bob");
    world.ask("eve", "ada", { wait_ms: 5_000 });
    world.told();
    world.depart("ada");
    expect(world.told()).toEqual(["ada OFFLINE Agent disconnected", "bob IDLE Task cancelled"]);
    expect(world.state("eve")).toBe("WAITING");
    world.arrive("ada");
    expect(world.told()).toEqual(["ada IDLE Agent connected"]);
    world.clock.advance(5_000);
    expect(world.told()).toEqual(["eve IDLE No answer in time"]);
  });

  it("do not change by what expects no answer", () => {
    world.router.subscribe("#general", { deliver: () => true });
    world.router.subscribe("prices", { deliver: () => true });
    for (const to of ["#general", "all", "prices"]) world.ask("ada", to);
    world.say("ada", "bob");
    expect(world.told()).toEqual([]);
  });

  it("are those of an agent's own reports, until it goes", () => {
    const metadata = { taskId: "t1", estimatedDuration: 5_000 };
    world.report("bob", "telemetry.state", {
      agentId: "bob",
      newState: "EXECUTING",
      reason: "Task assigned",
      metadata,
    });
    expect(world.changes.map(({ metadata: told }) => told)).toEqual([metadata]);
    expect(world.told()).toEqual(["bob EXECUTING Task assigned"]);
    world.answer("bob", "ada", world.ask("ada", "bob"));
    expect(world.told()).toEqual(["ada WAITING Waiting for an answer", "ada IDLE Answer received"]);
    world.depart("bob");
    world.arrive("bob");
    expect(world.told()).toEqual(["bob OFFLINE Agent disconnected", "bob IDLE Agent connected"]);
  });

  it("owe nothing to a coordination that is decided", () => {
    world.coordinations.begin("ada", { coordinationId: "c1", pattern: "CONSENSUS" });
    world.exchange.announce("bob", {
      type: "request",
      conversation_id: "c1",
      wait_ms: 9_000,
      content: { message: "?" },
    });
    expect(world.state("bob")).toBe("EXECUTING");
    world.coordinations.advance({ coordinationId: "c1", progress: 0.5, status: "VOTING" });
    expect(world.state("bob")).toBe("EXECUTING");
    world.coordinations.advance({ coordinationId: "c1", progress: 1, status: "APPROVED" }, true);
    expect(world.state("bob")).toBe("IDLE");
  });

  it("say of the vote that decides that it was given, and of one that nobody waits for that it was not", () => {
    world.coordinations.begin("ada", { coordinationId: "c1", pattern: "CONSENSUS" });
    const ask = { type: "request", conversation_id: "c1", wait_ms: 9_000, content: { message: "?" } } as const;
    for (const voter of ["bob", "eve"]) world.exchange.announce(voter, ask);
    world.told();
    const votes = { bob: { vote: "approve", timestamp: "2030-01-10T12:00:00Z" }, eve: { vote: "pending" } };
    world.coordinations.advance({ coordinationId: "c1", progress: 0.5, status: "APPROVED", votes }, true);
    world.answer("bob", "$broker");
    expect(world.told()).toEqual(["eve IDLE Task cancelled", "bob IDLE Task completed"]);
  });

  it("say nothing of what only inspect may know, but for agents that it alone sees", () => {
    world.arrive("spy", "secret");
    world.arrive("operator");
    world.told();
    world.ask("ada", "bob", {}, { hidden: true });
    world.router.subscribe("bob", { deliver: () => true, takesSealed: true });
    world.ask("ada", "bob", {}, { sealed: true });
    expect(world.told()).toEqual([]);
    world.ask("operator", "spy");
    expect(world.told()).toEqual(["spy EXECUTING Task assigned"]);
    world.depart("operator");
    expect(world.told()).toEqual(["operator OFFLINE Agent disconnected", "spy IDLE Task cancelled"]);
    expect(world.state("bob")).toBe("IDLE");
  });

  it("are known of whoever was here before somebody looked, without a word", () => {
    const other = new TelemetryWorld();
    other.arrive("ada");
    other.report("ada", "telemetry.state", { newState: "EXECUTING" });
    other.telemetry.look("graph");
    expect([other.told(), other.registered, other.state("ada")]).toEqual([[], [], "EXECUTING"]);
  });
});

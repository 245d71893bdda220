import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Fault } from "../../../src/core/index.js";
import type { FakeSubscriber } from "../../kit/fake-zmq.js";
import { ZeromqWorld, proved } from "../../kit/zeromq-world.js";

describe("a name that several connections use", () => {
  let world: ZeromqWorld;
  let watcher: FakeSubscriber;
  beforeEach(() => {
    world = new ZeromqWorld();
    watcher = world.subscriber(["watcher", "$events"]);
  });
  afterEach(async () => {
    await world.close();
  });

  const told = (): unknown[] => watcher.heard.filter(({ kind }) => kind === "agent.doubled").map(({ data }) => data);
  const warnings = (): number => world.logged.filter((event) => event === "several connections use one name").length;

  it("is told of once, to the log and to $events, when it has lasted", () => {
    const first = world.subscriber(["bob"]);
    world.subscriber([], { declared: "bob" });
    world.clock.advance(1_000);
    expect(told()).toEqual([]);
    world.clock.advance(3_000);
    expect(told()).toEqual([{ agent: "bob", displayName: "bob", dialect: "zmq", trust: "claimed", connections: 2 }]);
    world.subscriber(["bob"]);
    world.clock.advance(120_000);
    expect([told().length, warnings(), world.ledger.reasons["agent-doubled"]]).toEqual([1, 1, 1]);
    expect(world.directory.agent("bob")?.connections).toBe(3);
    world.gone(first);
    world.clock.advance(60_000);
    expect(world.directory.agent("bob")?.connections).toBe(2);
  });

  it("is told of once a minute at most, however often it begins", () => {
    world.subscriber(["bob"]);
    for (let times = 0; times < 10; times += 1) {
      const twin = world.subscriber(["bob"]);
      world.clock.advance(4_000);
      world.gone(twin);
      world.clock.advance(1_000);
    }
    expect([told().length, warnings()]).toEqual([1, 1]);
  });

  it("is no news where the second one comes for a moment, or the first has gone", () => {
    const first = world.subscriber(["bob"]);
    const command = world.subscriber([], { declared: "bob" });
    world.clock.advance(1_000);
    world.gone(command);
    world.gone(first);
    world.subscriber(["bob"]);
    world.clock.advance(20_000);
    expect([told(), warnings()]).toEqual([[], 0]);
  });

  it("is told of when both prove it, and never of the operator's tools", () => {
    for (let n = 0; n < 2; n += 1) {
      world.subscriber([], { principal: proved("boss") });
      world.subscriber([], { principal: proved("operator", ["operate"]) });
    }
    world.clock.advance(5_000);
    expect(told()).toMatchObject([{ agent: "boss", trust: "proved", connections: 2 }]);
  });

  it("stands in the list of agents with their number", () => {
    const asker = world.publisher();
    world.subscriber([], { declared: "bob" });
    world.subscriber([], { declared: "bob" });
    const answer = world.ask(asker, "watcher", watcher, "agents.list").find(({ kind }) => kind === "agents.list");
    const { agents } = answer?.data as { agents: Record<string, unknown>[] };
    expect(agents.map(({ name, connections }) => [name, connections])).toEqual([
      ["bob", 2],
      ["watcher", undefined],
    ]);
  });
});

describe("names beyond a limit", () => {
  it("of the directory are told of once, are heard, and arrive when there is room", async () => {
    const world = new ZeromqWorld({ agentsMax: 1 });
    const first = world.subscriber([], { declared: "ada" });
    const late = world.subscriber(["#lab"], { declared: "bob" });
    world.clock.advance(10_000);
    expect(late.faults).toEqual(["full"]);
    expect(world.online).toEqual(["ada"]);
    world.send(world.publisher(), "ada", "bob", "inform", "heard all the same");
    expect(late.texts.at(-1)).toBe("heard all the same");
    world.gone(first);
    world.clock.advance(world.limits.graceDeclaredMs + 1_000);
    expect(world.online).toEqual(["bob"]);
    expect(world.directory.members("#lab", undefined)).toEqual(["bob"]);
    expect(late.faults).toEqual(["full"]);
    await world.close();
  });

  it("of the directory are given up with the connection, or when somebody else has taken them meanwhile", async () => {
    const world = new ZeromqWorld({ agentsClaimedMax: 1 });
    const ada = world.subscriber(["ada"]);
    const gone = world.subscriber(["bob"]);
    const late = world.subscriber(["carl"]);
    world.gone(gone);
    const carl = world.session("carl");
    world.clock.advance(2_000);
    world.gone(ada);
    world.clock.advance(20_000);
    expect(world.online).toEqual(["carl"]);
    expect(late.faults).toEqual(["full", "conflict"]);
    world.send(world.publisher(), "ada", "carl", "inform", "for the session");
    expect(late.texts).not.toContain("for the session");
    expect(carl.heard.map(({ content }) => content.message)).toEqual(["for the session"]);
    carl.end();
    world.clock.advance(1_000 + world.limits.zmqInferredMs);
    expect(world.online).toEqual(["carl"]);
    expect(world.directory.agent("carl")?.dialect).toBe("zmq");
    await world.close();
  });

  it("of one connection are told of once, and heard as topics", async () => {
    const world = new ZeromqWorld({ zmqNamesMax: 2 });
    const gateway = world.subscriber(["ada", "bob", "carl", "dora"]);
    world.subscribe(gateway, "eve");
    world.clock.advance(5_000);
    expect(gateway.heard).toMatchObject([{ topic: "ada", kind: "fault", data: { code: "full", agent: "carl" } }]);
    expect(world.online).toEqual(["ada", "bob"]);
    world.send(world.publisher(), "x", "dora", "inform", "to a topic");
    expect(gateway.texts.at(-1)).toBe("to a topic");
    expect(world.ledger.reasons["agent-names-full"]).toBe(1);
    await world.close();
  });
});

describe("an agent whose sending was lost", () => {
  it("is told on the connection under its name, and on the topic that it asked for where it has none", async () => {
    const world = new ZeromqWorld();
    const { agents } = world;
    const ada = world.subscriber(["ada"], { declared: "ada" });
    const nameless = world.subscriber(["#lab"]);
    const fault = new Fault("full", "too many", { detail: { reason: "zmtp-subscriptions-full" } });
    agents.refused(ada, fault, "zed");
    agents.refused(nameless, fault, "zed");
    agents.refused(nameless, fault);
    agents.refused(world.publisher({ declared: "ada" }), new Fault("malformed", "two frames"));
    agents.refused(world.publisher(), new Fault("malformed", "two frames"));
    expect(ada.heard).toMatchObject([
      { topic: "ada", data: { code: "full", reason: "zmtp-subscriptions-full" } },
      { topic: "ada", data: { code: "malformed" }, text: "two frames" },
    ]);
    expect(nameless.heard).toMatchObject([{ topic: "zed", data: { code: "full" } }]);
    expect(world.ledger.reasons["fault-untold"]).toBe(2);
    await world.close();
  });
});

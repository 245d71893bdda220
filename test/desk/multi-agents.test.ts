import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { settled } from "../../src/conformance/conversation.js";
import { allScopes, Fault, type Scope } from "../../src/core/index.js";
import { MultiAgents, type MultiAgentRow } from "../../src/telemetry/multi-agents.js";
import { gatedTable } from "../kit/gated-table.js";
import type { Hearing } from "../kit/fake-zmq.js";
import { proved, ZeromqWorld } from "../kit/zeromq-world.js";

/** As the document writes it. */
const configuration = {
  topology: "HIERARCHICAL",
  coordinationStrategy: "consensus",
  faultTolerance: { enabled: true, redundancy: 2, heartbeatInterval: 5_000 },
  performanceTargets: { maxLatency: 100, minThroughput: 1_000, targetSuccessRate: 0.99 },
};
const id = "multi-agent-001";
const set = { "multi-agentId": id, configuration };

let world: ZeromqWorld;
beforeEach(() => {
  world = new ZeromqWorld({ multiAgentsMax: 3, brokerRateBurst: 10_000 });
});
afterEach(async () => {
  await world.close();
});

interface Told {
  readonly kind: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Asks as `name` with a token of these scopes, or claimed. */
async function asks(
  kind: string,
  data: object,
  rights: readonly Scope[] | "claimed" = [],
  name = "olga",
): Promise<Told> {
  const facts = rights === "claimed" ? {} : { principal: proved(name, rights) };
  const ear = world.subscriber([name], facts);
  world.send(world.publisher(facts), name, "$broker", "request", { message: kind, kind, data });
  await settled();
  expect(ear.heard).toHaveLength(1);
  return toldIn(ear.heard)[0] ?? { kind: undefined, data: {} };
}

function toldIn(heard: readonly Hearing[]): readonly Told[] {
  return heard.map(({ kind, data }) => ({ kind, data: data as Told["data"] }));
}

describe("the configuration of a multi-agent", () => {
  it("is kept, told to all who listen, and read by everybody", async () => {
    const events = world.subscriber(["$events"]);
    const answer = await asks("multi-agent.configure", set, ["control"]);
    const told = { ...set, by: "olga", at: new Date(world.clock.now()).toISOString() };
    expect(answer).toMatchObject({ kind: "multi-agent.configure", data: told });
    expect(toldIn(events.heard).find(({ kind }) => kind === "multi-agent.configured")?.data).toEqual(told);
    expect((await asks("multi-agent.get", { "multi-agentId": id }, "claimed", "bob")).data).toEqual(told);
    expect((await asks("multi-agent.list", {}, "claimed", "eve")).data).toEqual({ "multi-agents": [told] });
    expect(world.audited).toEqual([{ event: "multi-agent.configured", multiAgent: id, by: "olga" }]);
  });

  it("needs control, and no other right will do", async () => {
    for (const scope of allScopes.filter((each) => each !== "control"))
      for (const kind of ["multi-agent.configure", "multi-agent.remove"])
        expect((await asks(kind, set, [scope], scope)).data).toMatchObject({ code: "forbidden" });
    expect((await asks("multi-agent.configure", set, "claimed", "mallory")).data).toMatchObject({ code: "forbidden" });
    expect([world.multiAgents.size, world.audited]).toEqual([0, []]);
  });

  it.each<[string, object, string]>([
    ["no id", { configuration }, "multi-agentId is 1 to 128"],
    ["an empty id", { ...set, "multi-agentId": "" }, "multi-agentId is 1 to 128"],
    ["a long id", { ...set, "multi-agentId": "x".repeat(129) }, "multi-agentId is 1 to 128"],
    ["an id that ends a line", { ...set, "multi-agentId": "a\nb" }, "multi-agentId is 1 to 128"],
    ["no configuration", { "multi-agentId": id }, "configuration is {topology"],
    ["a list for a configuration", { ...set, configuration: [] }, "configuration is {topology"],
    ["an unknown field", { ...set, configuration: { topologie: "MESH" } }, "configuration is {topology"],
    ["a topology with blanks", { ...set, configuration: { topology: "A B" } }, "configuration.topology is 1 to 64"],
    [
      "half a copy",
      { ...set, configuration: { faultTolerance: { redundancy: 1.5 } } },
      "configuration.faultTolerance.redundancy is a whole number",
    ],
    [
      "more than every call succeeds",
      { ...set, configuration: { performanceTargets: { targetSuccessRate: 1.1 } } },
      "targetSuccessRate is a number from 0 to 1",
    ],
    [
      "a latency beyond reason",
      { ...set, configuration: { performanceTargets: { maxLatency: 1e300 } } },
      "maxLatency is a number from 0 to",
    ],
  ])("is refused with %s", async (_about, data, why) => {
    const { data: fault } = await asks("multi-agent.configure", data, ["control"]);
    expect(fault).toMatchObject({ code: "malformed" });
    expect(JSON.stringify(fault)).toContain(why);
    expect(world.multiAgents.size).toBe(0);
  });

  it("is replaced as a whole, and removed", async () => {
    await asks("multi-agent.configure", set, ["control"]);
    await asks("multi-agent.configure", { ...set, configuration: { topology: "MESH" } }, ["control"], "otto");
    expect(world.multiAgents.get(id)).toMatchObject({ configuration: { topology: "MESH" }, by: "otto" });
    expect(await asks("multi-agent.remove", { "multi-agentId": id }, ["control"])).toMatchObject({
      data: { removed: true },
    });
    expect((await asks("multi-agent.remove", { "multi-agentId": id }, ["control"])).data).toMatchObject({
      removed: false,
    });
    expect((await asks("multi-agent.get", { "multi-agentId": id })).data).toMatchObject({ code: "not-found" });
    expect(world.audited.map(({ event }) => event)).toEqual([
      "multi-agent.configured",
      "multi-agent.configured",
      "multi-agent.removed",
    ]);
  });

  it("is bounded in number; one that is there can be changed all the same", async () => {
    for (const name of ["b", "__proto__", "a"])
      await asks("multi-agent.configure", { ...set, "multi-agentId": name }, ["control"]);
    const { data } = await asks("multi-agent.configure", set, ["control"]);
    expect(data).toMatchObject({ code: "full" });
    expect(data["message"]).toContain("multi-agent.remove");
    expect(await asks("multi-agent.configure", { ...set, "multi-agentId": "a" }, ["control"])).toMatchObject({
      kind: "multi-agent.configure",
    });
    const first = await asks("multi-agent.list", { max: 2 });
    expect(first.data).toMatchObject({
      "multi-agents": [{ "multi-agentId": "__proto__" }, { "multi-agentId": "a" }],
      next: "a",
    });
    const rest = await asks("multi-agent.list", { max: 2, after: "a" });
    expect(rest.data).toEqual({ "multi-agents": [expect.objectContaining({ "multi-agentId": "b" })] });
  });

  it("is told when it is on the disk and not before, and is there after a restart", async () => {
    const gate = gatedTable<MultiAgentRow>();
    const { exchange, clock, limits } = world;
    const audited: unknown[] = [];
    const options = { exchange, clock, limits, witness: (event: unknown) => audited.push(event) };
    const kept = new MultiAgents(options);
    await expect(kept.configure(id, configuration, "olga")).rejects.toThrow("before the broker has started");
    kept.load(gate.table);
    const events = world.subscriber(["$events"]);
    gate.hold();
    const done = kept.configure(id, configuration, "olga");
    await settled();
    expect([events.heard.length, audited.length, kept.size]).toEqual([0, 0, 0]);
    await gate.open();
    await done;
    expect([events.heard.length, audited.length, kept.size]).toEqual([1, 1, 1]);
    const again = new MultiAgents(options);
    again.load(gate.table);
    expect(again.get(id)).toEqual({ id, configuration, by: "olga", at: clock.now() });
  });

  it("stays what it was where the disk fails", async () => {
    const gate = gatedTable<MultiAgentRow>();
    const { exchange, clock, limits } = world;
    const audited: unknown[] = [];
    const kept = new MultiAgents({ exchange, clock, limits, witness: (event) => audited.push(event) });
    kept.load(gate.table);
    await kept.configure(id, configuration, "olga");
    gate.hold();
    const done = kept.configure(id, { topology: "MESH" }, "otto");
    await settled();
    await Promise.all([expect(done).rejects.toThrow("full disk"), gate.fail(new Fault("unavailable", "full disk"))]);
    expect(kept.get(id)).toMatchObject({ configuration, by: "olga" });
    expect(audited).toHaveLength(1);
  });
});

import { describe, expect, it } from "vitest";
import { agentNetwork } from "../../../bridges/agent-network/index.js";
import { principal } from "../../../src/core/index.js";
import { ConformanceWorld } from "../../../src/conformance/world.js";
import type { Conversation } from "../../../src/conformance/conversation.js";
import { networkMessage } from "../../kit/network-wire.js";

const open = (limits: Readonly<Record<string, number>> = {}): ConformanceWorld =>
  new ConformanceWorld([agentNetwork], { limits: { networkRatePerSecond: 0, abuseRefusalsMax: 0, ...limits } });

async function login(world: ConformanceWorld, agentId: string): Promise<Conversation> {
  const client = world.connect(agentNetwork.paths[0] ?? "");
  await client.says({ type: "AUTH", token: `own ${agentId}`, agentId });
  return client;
}

const present = (client: Conversation): readonly unknown[] =>
  client.all().flatMap(({ messageType, content }) => (messageType === "PRESENCE" ? [content] : []));

describe("absent agents that somebody has missed", () => {
  it("are remembered for one session up to a bound, the last ones", async () => {
    const world = open({ networkAwaitedMax: 3 });
    const alice = await login(world, "alice");
    for (const name of ["a1", "a2", "a3", "a4", "a2"]) await alice.says(networkMessage("alice", name));
    alice.all();
    for (const name of ["a1", "a2", "a3", "a4"]) await login(world, name);
    await alice.settles();
    expect(present(alice).map((content) => (content as { agentId: string }).agentId)).toEqual(["a2", "a3", "a4"]);
  });

  it("are remembered for all sessions together up to a bound, the last ones", async () => {
    const world = open({ networkAwaitedTotalMax: 2 });
    const [alice, bob] = [await login(world, "alice"), await login(world, "bob")];
    await alice.says(networkMessage("alice", "a1"));
    await bob.says(networkMessage("bob", "a2"));
    await bob.says(networkMessage("bob", "a3"));
    for (const name of ["a1", "a2", "a3"]) await login(world, name);
    expect(present(alice)).toEqual([]);
    expect(present(bob)).toHaveLength(2);
  });

  it("are forgotten with the session, and none is remembered where the limit says so", async () => {
    const world = open();
    const alice = await login(world, "alice");
    await alice.says(networkMessage("alice", "a1"));
    await alice.vanishes();
    await login(world, "a1");
    const none = open({ networkAwaitedMax: 0 });
    const bob = await login(none, "bob");
    await bob.says(networkMessage("bob", "a1"));
    await login(none, "a1");
    expect(present(bob)).toEqual([]);
    world.expectSound();
  });

  it("are told of to hundreds in turns, to each once", async () => {
    const world = open();
    const clients: Conversation[] = [];
    for (let n = 0; n < 250; n += 1) clients.push(await login(world, `waiting-${String(n)}`));
    for (const [n, client] of clients.entries()) client.saysAtOnce(networkMessage(`waiting-${String(n)}`, "late"));
    await clients[0]?.settles();
    for (const client of clients) client.all();
    await login(world, "late");
    const told = clients.flatMap(present).length;
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThan(250);
    world.clock.advance(10);
    expect(told + clients.flatMap(present).length).toBe(250);
  });

  it("hide when they are not listed: a viewer's name, or one that is only inferred", async () => {
    const world = open();
    const alice = await login(world, "alice");
    await alice.says(networkMessage("alice", "shy"));
    alice.all();
    const presence = world.directory.arrive({ principal: principal("shy", "claimed"), dialect: "zmq", listed: false });
    await alice.settles();
    expect(present(alice)).toEqual([]);
    presence.show();
    await alice.settles();
    expect(present(alice)).toEqual([{ agentId: "shy", status: "online" }]);
  });
});

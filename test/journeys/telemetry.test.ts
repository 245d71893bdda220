import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { PlainAgent } from "../kit/plain-agent.js";

const capability = { name: "advanced_analysis", category: "analysis", level: 4, description: "with ML models" };

describe("what plain agents report of themselves over ZeroMQ", () => {
  let at: TestBroker;
  const open: { close(): unknown }[] = [];
  const meet = async (name: string): Promise<PlainAgent> => {
    const agent = new PlainAgent(name, at);
    open.push(agent);
    return agent.meet();
  };
  beforeEach(async () => {
    at = await startBroker();
  });
  afterEach(async () => {
    for (const thing of open.splice(0)) await thing.close();
    await at.stop();
  });
  const report = (agent: PlainAgent, kind: string, data: unknown): Promise<unknown> =>
    agent.send("$telemetry", "inform", kind, { content: { message: kind, kind, data } });
  const find = async (agent: PlainAgent, word: string): Promise<unknown> => {
    const { content } = await agent.asks("agents.find", { capability: word });
    return content["data"];
  };

  it("is found by others until the agent goes", async () => {
    const [ada, bob] = [await meet("ada"), await meet("bob")];
    await report(ada, "telemetry.capability", { agentId: "ada", action: "add", capability });
    await ada.asks("ping", {}); // what came before it was read
    expect(await find(bob, "Analysis")).toMatchObject({
      agents: [{ name: "ada", dialect: "zmq", trust: "claimed", capabilities: [capability] }],
    });
    await report(ada, "telemetry.capability", { action: "remove", capability: { name: capability.name } });
    await ada.asks("ping", {});
    expect(await find(bob, "analysis")).toEqual({ agents: [] });
  });

  it("is refused on the agent's own topic where it is wrong, or of somebody else", async () => {
    const [ada] = [await meet("ada"), await meet("bob")];
    const wrong: readonly (readonly [string, object, string])[] = [
      ["telemetry.state", { agentId: "bob", newState: "ERROR" }, "data.agentId is somebody else"],
      ["telemetry.state", { newState: "DREAMING" }, "data.newState is one of IDLE, EXECUTING"],
      ["telemetry.position", { x: 1, y: 2 }, "data.z is a number"],
      ["telemetry.mood", {}, "content.kind is one of telemetry.position"],
    ];
    for (const [kind, data, words] of wrong) {
      await report(ada, kind, data);
      const { message } = await ada.hears(({ message: { content } }) => content["kind"] === "fault");
      expect(message.content.message).toContain(words);
    }
    expect(at.broker.status().ledger.reasons["report-refused"]).toBe(4);
  });

  it("is merged where it comes like a flood, and the broker does its work meanwhile", async () => {
    const [ada, bob] = [await meet("ada"), await meet("bob")];
    for (let n = 0; n < 500; n += 1) await report(ada, "telemetry.position", { x: n, y: 0, z: 0 });
    await ada.asks("ping", {});
    await bob.asks("ping", {});
    const { reasons } = at.broker.status().ledger;
    expect(reasons["report-merged"]).toBeGreaterThan(300);
    expect(reasons["report-refused"]).toBeUndefined();
  });
});

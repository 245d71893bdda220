import { mkdtemp, rm } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Agent, Fault, type BrokerOptions } from "../../../src/index.js";
import { startBroker, type TestBroker } from "../../kit/broker.js";
import { next } from "../../kit/local-agents.js";
import { PlainAgent } from "../../kit/plain-agent.js";
import { issueToken } from "../../kit/tokens.js";

describe("the name of an agent in the broker's own process", () => {
  let dataDir: string;
  let at: TestBroker;
  const begin = async (options: BrokerOptions = {}): Promise<void> => {
    at = await startBroker({ ...options, dataDir });
  };
  const connect = (name: string): Promise<Agent> => Agent.connect({ name, in: at.zmqIn, out: at.zmqOut });

  beforeEach(async () => {
    dataDir = await mkdtemp("/tmp/synaptic-inside-");
  });
  afterEach(async () => {
    await at.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  it("is its own while it is here, and its own again in the next run", async () => {
    for (let run = 0; run < 2; run += 1) {
      await begin();
      const inside = at.broker.agent("inside");
      await expect(connect("inside")).rejects.toMatchObject({ code: "conflict" });
      await inside.close();
      await (await connect("inside")).close();
      await at.broker.stop();
    }
  });

  it("is refused while another agent has it, or owns it, by the same codes as over ZeroMQ", async () => {
    await issueToken(dataDir, "owned", "zmq");
    await begin();
    const ada = await connect("ada");
    expect(() => at.broker.agent("ada")).toThrow("another agent is ada now");
    expect(() => at.broker.agent("ada", { exclusive: false })).toThrow("another agent is ada now");
    const codeOf = (name: string): unknown => {
      try {
        return at.broker.agent(name);
      } catch (thrown) {
        return thrown instanceof Fault ? thrown.code : thrown;
      }
    };
    expect(codeOf("ada")).toBe("conflict");
    await expect(connect("ada")).rejects.toMatchObject({ code: "conflict" });
    await ada.close();
    await expect(connect("owned")).rejects.toMatchObject({ code: "unauthenticated" });
    expect(() => at.broker.agent("owned")).toThrow("reserve it");
    expect(codeOf("owned")).toBe("unauthenticated");
  });

  it("can be reserved for it in the configuration", async () => {
    await begin({ reserved: ["helper"] });
    await expect(connect("helper")).rejects.toMatchObject({ code: "unauthenticated" });
    const helper = at.broker.agent("helper");
    helper.onRequest(() => "here");
    const ada = await connect("ada");
    expect((await ada.request("helper", "?")).content.message).toBe("here");
    await ada.close();
  });
});

describe("a topic of the broker that there is not", () => {
  it("is refused in the same words over ZeroMQ and in the broker's own process, said to and heard", async () => {
    const at = await startBroker();
    const agents = [await Agent.connect({ name: "ada", in: at.zmqIn, out: at.zmqOut }), at.broker.agent("bob")];
    for (const agent of agents) {
      await expect(agent.request("$foo", "?")).rejects.toMatchObject({
        code: "forbidden",
        message: "there is no topic $foo; the broker answers at $broker",
      });
      for (const [topic, words] of [
        ["$foo", "there is no topic $foo; the broker's topics are $broker, $events and $telemetry"],
        ["$broker", "only the broker hears what is sent to it; subscribe to $events"],
      ] as const) {
        agent.subscribe(topic);
        expect((await next(agent)).content).toMatchObject({ message: words, data: { subscription: topic } });
      }
      await agent.close();
    }
    await at.stop();
  });
});

describe("a room that an agent in the broker's own process may not enter", () => {
  it("is not heard, which the agent is told, until it is invited and joins", async () => {
    const at = await startBroker();
    const owner = await new PlainAgent("owner", at, { token: await issueToken(at.dataDir, "owner", "zmq") }).meet();
    try {
      await owner.asks("room.create", { room: "#secret", invite_only: true });
      const ada = at.broker.agent("ada");
      ada.subscribe("#secret");
      expect(await next(ada)).toMatchObject({
        from: "$broker",
        content: { kind: "fault", data: { code: "forbidden", subscription: "#secret" } },
      });
      await expect(ada.join("#secret")).rejects.toMatchObject({ code: "forbidden" });
      await owner.send("#secret", "inform", "among us");
      await owner.asks("room.invite", { room: "#secret", agent: "ada" });
      expect(await next(ada)).toMatchObject({ content: { kind: "room.invited" } });
      await ada.join("#secret");
      await owner.send("#secret", "inform", "welcome");
      expect(await next(ada)).toMatchObject({ to: "#secret", content: { message: "welcome" } });
    } finally {
      owner.close();
      await at.stop();
    }
  });
});

describe("a second program under one name, over ZeroMQ", () => {
  it("waits for the first to leave, as when a program is started again", async () => {
    const at = await startBroker();
    const doors = { name: "ada", in: at.zmqIn, out: at.zmqOut };
    const first = await Agent.connect(doors);
    const [second] = await Promise.all([Agent.connect(doors), first.close()]);
    await second.close();
    await at.stop();
  });

  it("hears no answers that the first has asked for, nor its pings' when they share the name", async () => {
    const at = await startBroker();
    const doors = { name: "ada", in: at.zmqIn, out: at.zmqOut, exclusive: false };
    const [first, second] = [await Agent.connect(doors), await Agent.connect(doors)];
    const bob = await Agent.connect({ ...doors, name: "bob" });
    for (const one of [first, second]) await one.request("$broker", { message: "ping", kind: "ping" });
    await bob.inform("ada", "marker");
    for (const one of [first, second]) expect((await next(one)).content.message).toBe("marker");
    await Promise.all([first.close(), second.close(), bob.close()]);
    await at.stop();
  });
});

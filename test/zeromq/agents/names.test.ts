import { Publisher, XSubscriber } from "zeromq";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually, startBroker, type TestBroker } from "../../kit/broker.js";
import { PlainAgent } from "../../kit/plain-agent.js";
import { issueToken } from "../../kit/tokens.js";

describe("names of ZeroMQ connections", () => {
  let at: TestBroker;
  let open: { close(): void }[];
  const keep = <T extends { close(): void }>(thing: T): T => {
    open.push(thing);
    return thing;
  };
  const listed = async (asker: PlainAgent): Promise<Record<string, unknown>[]> => {
    const { data } = (await asker.asks("agents.list")).content as unknown as {
      data: { agents: Record<string, unknown>[] };
    };
    return data.agents;
  };

  beforeEach(async () => {
    open = [];
    at = await startBroker({
      limits: { zmqInferredMs: 200, zmqNamingMs: 10, graceInferredMs: 50, graceDeclaredMs: 50 },
      topics: ["prices"],
    });
  });
  afterEach(async () => {
    for (const thing of open) thing.close();
    await at.stop();
  });

  it("is the PLAIN user, proved, and hears without SUBSCRIBE", async () => {
    const token = await issueToken(at.dataDir, "boss");
    const boss = keep(new PlainAgent("boss", at, { token, topics: [] }));
    const asker = await keep(new PlainAgent("asker", at)).meet();
    await eventually(async () => (await listed(asker)).some(({ name }) => name === "boss"), "boss is listed");
    expect(await listed(asker)).toContainEqual(
      expect.objectContaining({ name: "boss", trust: "proved", dialect: "zmq" }),
    );
    boss.sub.subscribe("boss"); // libzmq itself drops what was never asked for
    await boss.meet();
    await asker.send("boss", "inform", "hello");
    expect((await boss.hears()).message.content.message).toBe("hello");
  });

  it("is what X-Agent declares, online and heard from READY on", async () => {
    const asker = await keep(new PlainAgent("asker", at)).meet();
    keep(new PlainAgent("declared", at, { declare: true, topics: [] }));
    await eventually(
      async () => (await listed(asker)).some(({ name, trust }) => name === "declared" && trust === "claimed"),
      "declared is listed",
    );
    const before = at.broker.status().ledger.copies.copies;
    await asker.send("declared", "request", "are you there?");
    await asker.settled();
    expect(at.broker.status().ledger.copies.copies - before).toBe(2); // the request and the settling answer
    expect(asker.heard).toEqual([]);
  });

  it("is the only agent name among its subscriptions, listed once it has spoken or after a while", async () => {
    const asker = await keep(new PlainAgent("asker", at)).meet();
    keep(new PlainAgent("quiet", at, { topics: ["quiet", "prices", "#lab"] }));
    await eventually(async () => (await listed(asker)).some(({ name }) => name === "quiet"), "quiet is listed");
    expect((await asker.asks("room.members", { room: "#lab" })).content).toMatchObject({
      data: { members: ["quiet"] },
    });
    expect((await listed(asker)).map(({ name }) => name)).not.toContain("prices");
  });

  it("is each of several names, and then rooms are only listened to", async () => {
    const asker = await keep(new PlainAgent("asker", at)).meet();
    const two = keep(new PlainAgent("two", at, { topics: ["one", "two", "#lab"] }));
    await eventually(() => at.broker.status().agents >= 3, "both are online");
    expect((await listed(asker)).map(({ name }) => name)).toEqual(expect.arrayContaining(["asker", "one", "two"]));
    await asker.send("#lab", "inform", "to the room");
    expect((await two.hears()).topic).toBe("#lab");
    const members = (await asker.asks("room.members", { room: "#lab" })).content as unknown as {
      data?: { members?: string[] };
    };
    expect(members.data?.members ?? []).toEqual([]);
  });

  it("is via a proxy for the names behind an XSUB", async () => {
    const asker = await keep(new PlainAgent("asker", at)).meet();
    const proxy = keep(new XSubscriber({ linger: 0 }));
    proxy.connect(at.zmqOut);
    for (const name of ["left", "right"]) await proxy.send(`\x01${name}`);
    await eventually(
      async () => (await listed(asker)).filter(({ via }) => via === "proxy").length === 2,
      "both are online",
    );
    await asker.send("left", "inform", "through the proxy");
    const [topic, payload] = await proxy.receive();
    expect([String(topic), (JSON.parse(String(payload)) as { content: unknown }).content]).toEqual([
      "left",
      { message: "through the proxy" },
    ]);
  });

  it("is none for an agent that only publishes: never online, told nothing, counted", async () => {
    const asker = await keep(new PlainAgent("asker", at)).meet();
    const mute = keep(new Publisher({ linger: 0 }));
    mute.connect(at.zmqIn);
    const request = JSON.stringify({
      message_id: "1",
      from: "mute",
      to: "ghost",
      type: "request",
      content: { message: "?" },
    });
    await eventually(async () => {
      await mute.send(["ghost", request]);
      return (at.broker.status().ledger.reasons["fault-untold"] ?? 0) > 0;
    }, "its request was refused");
    expect((await listed(asker)).map(({ name }) => name)).not.toContain("mute");
  });

  it("never takes a prefix of a name for the name, and lets a data topic be nobody's", async () => {
    const short = await keep(new PlainAgent("claude", at)).meet();
    const prices = keep(new PlainAgent("prices", at, { topics: ["prices", "reader"] }));
    await short.send("claude_code", "request", "for somebody else");
    expect((await short.hears()).message.content).toMatchObject({ kind: "fault", data: { code: "not-found" } });
    await eventually(async () => {
      await short.send("prices", "inform", "41");
      return prices.heard.length > 0;
    }, "the data topic is heard");
    expect((await listed(short)).map(({ name }) => name)).not.toContain("prices");
  });
});

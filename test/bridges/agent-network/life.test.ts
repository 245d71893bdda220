import { afterEach, describe, expect, it } from "vitest";
import { agentNetwork } from "../../../bridges/agent-network/index.js";
import { pan } from "../../../bridges/pan/index.js";
import { principal } from "../../../src/core/index.js";
import { ConformanceWorld } from "../../../src/conformance/world.js";
import type { Conversation } from "../../../src/conformance/conversation.js";
import type { BrokerOptions } from "../../../src/index.js";
import type { Credential } from "../../../src/dialect/index.js";
import { networkMessage, type NetworkFrame } from "../../kit/network-wire.js";
import { NetworkWorld } from "../../kit/network-world.js";

const heartbeat = (senderId: string): ReturnType<typeof networkMessage> =>
  networkMessage(senderId, "system", { messageType: "HEARTBEAT", content: { timestamp: 1 } });

describe("a connection of Agent Network", () => {
  let at: NetworkWorld | undefined;
  const start = async (limits: BrokerOptions["limits"] = {}): Promise<NetworkWorld> =>
    (at = await NetworkWorld.start({ limits }));
  afterEach(() => at?.stop());

  const silence = { wsPingMs: 60, networkHeartbeatMs: 60, networkSilenceMs: 200 };

  it("ends with 4408 when it gives no sign of life, not even a pong", async () => {
    const world = await start(silence);
    const began = performance.now();
    const wire = await world.login("alice", { autoPong: false });
    expect(await wire.closed).toMatchObject({ code: 4408 });
    expect(performance.now() - began).toBeGreaterThan(200);
  });

  it("lives by pongs alone, and by frames alone", async () => {
    const world = await start(silence);
    const [alice, bob] = [await world.login("alice"), await world.login("bob", { autoPong: false })];
    const dead = await world.login("carol", { autoPong: false });
    const beats = setInterval(() => {
      bob.say(heartbeat("bob"));
    }, 30);
    await dead.closed;
    await new Promise((resolve) => setTimeout(resolve, 400));
    clearInterval(beats);
    await alice.settled("alice");
    await bob.settled("bob");
  });

  it("that is logged in by nobody is not waited for so long", async () => {
    const world = await start({ ...silence, networkSilenceMs: 60_000, wsLoginMs: 300 });
    const wire = await world.stranger({ autoPong: false });
    expect(await wire.closed).toMatchObject({ code: 4401 });
  });

  it("ends with 4429 after a hundred refusals in 10 s", async () => {
    const world = await start();
    const wire = await world.login("alice");
    // After a turn of the loop that took long, more than a hundred are borne with (protocols §0.10).
    for (let n = 0; n < 1_000; n += 1) wire.raw("no frame");
    expect(await wire.closed).toMatchObject({ code: 4429 });
    const errors = wire.heard.map((text) => (JSON.parse(text) as { content: { errorCode: string } }).content.errorCode);
    expect(errors.length).toBeGreaterThanOrEqual(100);
    expect(new Set(errors.slice(0, -1))).toEqual(new Set(["INVALID_MESSAGE_FORMAT"]));
    expect(errors.at(-1)).toBe("RATE_LIMIT_EXCEEDED");
  });

  it("ends with 1013 when its peer does not read, and whoever writes to it hears an ERROR, not an ACK", async () => {
    const world = await start({
      networkRatePerSecond: 0,
      abuseRefusalsMax: 0,
      wsBacklogMaxBytes: 256 * 1024,
      stuckMs: 1_000,
    });
    const [alice, bob] = [await world.login("alice"), await world.login("bob")];
    bob.socket.pause();
    const text = "x".repeat(60_000);
    const isOf =
      (code: string): ((frame: NetworkFrame) => boolean) =>
      ({ content }) =>
        content["errorCode"] === code;
    let said = 0;
    const sayMore = setInterval(() => {
      for (let n = 0; n < 20; n += 1) {
        said += 1;
        alice.say(networkMessage("alice", "bob", { messageId: String(said), content: { text } }));
      }
    }, 20);
    expect((await alice.hears(isOf("MESSAGE_ERROR"))).content).toMatchObject({ recoverable: true });
    await alice.hears(isOf("RECIPIENT_NOT_FOUND"));
    clearInterval(sayMore);
    await alice.settled("alice");
    bob.socket.resume();
    expect(await bob.closed).toMatchObject({ code: 1013 });
    const acknowledged = alice.heard.filter((frame) => frame.includes('"ACK"')).length;
    const taken = bob.heard.filter((frame) => frame.includes('"alice"')).length;
    expect(taken).toBe(acknowledged);
  });
});

describe("what an agent of Agent Network may say", () => {
  const open = (limits: Readonly<Record<string, number>> = {}): ConformanceWorld =>
    new ConformanceWorld([agentNetwork, pan], { limits });
  const [path] = agentNetwork.paths;
  async function login(world: ConformanceWorld, agentId: string, token = `own ${agentId}`): Promise<Conversation> {
    const client = world.connect(path ?? "");
    await client.says({ type: "AUTH", token, agentId });
    return client;
  }
  const types = (client: Conversation): Readonly<Record<string, number>> => {
    const counts: Record<string, number> = {};
    for (const { messageType, content } of client.all()) {
      const code = (content as { errorCode?: string }).errorCode;
      const key = code ?? String(messageType);
      counts[key] = (counts[key] ?? 0) + 1;
    }
    return counts;
  };

  it("is 50 messages at once and 10 a second, and what was refused may be said again under its id", async () => {
    const world = open();
    const [alice, bob] = [await login(world, "alice"), await login(world, "bob")];
    bob.all();
    for (let n = 0; n < 60; n += 1) alice.saysAtOnce(networkMessage("alice", "bob", { messageId: String(n) }));
    await alice.settles();
    expect(types(alice)).toEqual({ CONNECTED: 1, ACK: 50, RATE_LIMIT_EXCEEDED: 10 });
    expect(types(bob)).toEqual({ INFORM: 50 });
    world.clock.advance(1_000);
    for (let n = 50; n < 61; n += 1) alice.saysAtOnce(networkMessage("alice", "bob", { messageId: String(n) }));
    await alice.settles();
    expect(types(alice)).toEqual({ ACK: 10, RATE_LIMIT_EXCEEDED: 1 });
    expect(bob.all().map(({ messageId }) => messageId)).toEqual([...Array(10).keys()].map((n) => String(50 + n)));
    world.expectSound();
  });

  it("tells when to say it again", async () => {
    const world = open({ networkRateBurst: 1 });
    const alice = await login(world, "alice");
    await alice.says(networkMessage("alice", "alice"));
    await alice.says(networkMessage("alice", "alice"));
    const { content } = await alice.hears({ messageType: "ERROR" });
    expect(content).toMatchObject({ errorCode: "RATE_LIMIT_EXCEEDED", recoverable: true, retryAfter: 100 });
  });

  it("is 60 heartbeats in 10 s for nothing, without an ACK; more of them cost as messages do", async () => {
    const world = open({ networkRateBurst: 5, abuseRefusalsMax: 0 });
    const alice = await login(world, "alice");
    expect(types(alice)).toEqual({ CONNECTED: 1 });
    world.clock.advance(10_000);
    for (let n = 0; n < 70; n += 1) alice.saysAtOnce(heartbeat("alice"));
    await alice.settles();
    expect(types(alice)).toEqual({ HEARTBEAT: 65, RATE_LIMIT_EXCEEDED: 5 });
    world.clock.advance(10_000);
    await alice.says(heartbeat("alice"));
    expect(types(alice)).toEqual({ HEARTBEAT: 1 });
  });

  it("is told to everybody no faster than in other dialects", async () => {
    const world = open();
    const [alice, bob] = [await login(world, "alice"), await login(world, "bob")];
    bob.all();
    for (let n = 0; n < 3; n += 1) await alice.says(networkMessage("alice", "all"));
    expect(types(alice)).toEqual({ CONNECTED: 1, ACK: 2, RATE_LIMIT_EXCEEDED: 1 });
    expect(types(bob)).toEqual({ INFORM: 2 });
  });

  it("is acknowledged only if the recipient's connection takes it, in each dialect", async () => {
    const world = open();
    const [alice, bob] = [await login(world, "alice"), await login(world, "bob")];
    const trader = world.connect("/pan");
    await trader.says({ type: "auth", agentId: "trader", name: "trader", token: "own trader" });
    alice.all();
    for (const [client, recipientId] of [
      [bob, "bob"],
      [trader, "trader"],
    ] as const)
      for (const messageType of ["INFORM", "QUERY", "RESPONSE"]) {
        client.connection.isFull = true;
        client.connection.buffered = world.limits.wsBacklogMaxBytes;
        const content = {
          requestId: "r",
          queryType: "CUSTOM",
          parameters: { text: "x" },
          data: { text: "x" },
          text: "x",
        };
        await alice.says(networkMessage("alice", recipientId, { messageType, content }));
        expect(types(alice), `${messageType} to ${recipientId}`).toEqual({ MESSAGE_ERROR: 1 });
        client.connection.isFull = false;
        client.connection.buffered = 0;
        await alice.says(networkMessage("alice", recipientId, { messageType, content }));
        expect(types(alice), `${messageType} to ${recipientId}`).toEqual({ ACK: 1 });
      }
    world.expectSound();
  });

  describe("with a token for several agents", () => {
    const credential = (world: ConformanceWorld, ...agents: readonly string[]): void => {
      const several: Credential = {
        only: undefined,
        owner: "jwt:issuer#ada",
        speakFor: (agent) =>
          agents.includes(agent)
            ? Promise.resolve(principal(agent, "proved", { proof: `jwt:issuer#ada ${agent}` }))
            : Promise.reject(new Error("not one of the user's")),
        viewer: () => Promise.resolve(principal("ada", "proved", { proof: "jwt:issuer#ada" })),
      };
      world.identity.bearer = () => Promise.resolve(several);
    };

    it("is said by whom the first frame names, if the header has the token", async () => {
      for (const first of [heartbeat("one"), networkMessage("one", "one")]) {
        const world = open();
        credential(world, "one", "two");
        const client = world.connect(path ?? "", { bearer: "several" });
        await client.settles();
        expect(client.all()).toEqual([]);
        await client.says(first);
        await client.hears({ messageType: "CONNECTED", recipientId: "one" });
        await client.hears({ messageType: first.messageType });
        await client.says({ ...heartbeat("two") });
        expect(types(client)).toMatchObject({ SENDER_MISMATCH: 1 });
        expect(client.closing).toBeUndefined();
      }
    });

    it("is told what is missing when no frame says for which, 5 s after a header that had the token", async () => {
      const world = open();
      credential(world, "one", "two");
      const client = world.connect(path ?? "", { bearer: "several" });
      await client.settles();
      world.clock.advance(5_000);
      await client.settles();
      const { content } = await client.hears({ messageType: "ERROR" });
      expect(content).toMatchObject({
        errorCode: "AUTHENTICATION_FAILED",
        message: expect.stringContaining("with the agent as senderId") as string,
        recoverable: false,
      });
      expect(client.closing?.code).toBe(4401);
    });

    it("is refused to an agent that is none of the user's: 4401 or, if that cannot be told, 1013", async () => {
      const world = open();
      credential(world, "one");
      const client = world.connect(path ?? "", { bearer: "several" });
      await client.says(heartbeat("three"));
      expect(types(client)).toEqual({ SERVER_ERROR: 1 });
      expect(client.closing?.code).toBe(1013);
    });

    it("is said by 10 agents of one user at once, and one that leaves makes room", async () => {
      const world = open();
      const names = [...Array(12).keys()].map((n) => `agent-${String(n)}`);
      credential(world, ...names);
      const clients: Conversation[] = [];
      for (const name of names.slice(0, 10)) clients.push(await login(world, name));
      const more = await login(world, "agent-10");
      const { content } = await more.hears({ messageType: "ERROR" });
      expect(content).toMatchObject({ errorCode: "CONNECTION_LIMIT_EXCEEDED", recoverable: true, retryAfter: 30_000 });
      expect(more.closing?.code).toBe(1013);
      // An agent of theirs that connects again takes the place of its older session.
      const again = await login(world, "agent-3");
      await again.hears({ messageType: "CONNECTED" });
      expect(clients[3]?.closing?.code).toBe(4409);
      await clients[0]?.vanishes();
      await (await login(world, "agent-11")).hears({ messageType: "CONNECTED" });
      expect((await login(world, "agent-10")).closing?.code).toBe(1013);
    });

    it("counts no login whose connection ended before it was decided", async () => {
      const world = open({ networkAgentsPerUserMax: 1 });
      let decide: (() => void)[] = [];
      world.identity.bearer = () =>
        Promise.resolve({
          only: undefined,
          owner: "ada",
          speakFor: (agent: string) =>
            new Promise((resolve) => {
              decide.push(() => {
                resolve(principal(agent, "proved", { proof: `jwt:x#${agent}` }));
              });
            }),
          viewer: () => Promise.resolve(principal("ada", "proved", { proof: "jwt:x#ada" })),
        });
      const gone = await login(world, "one");
      await gone.vanishes();
      for (const run of decide.splice(0)) run();
      await gone.settles();
      const next = await login(world, "two");
      decide = decide.flatMap((run) => [run]);
      for (const run of decide.splice(0)) run();
      await next.hears({ messageType: "CONNECTED" });
    });
  });
});

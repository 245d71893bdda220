import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { panToken } from "../../kit/pan-wire.js";
import { networkMessage, NetworkWire, type NetworkError } from "../../kit/network-wire.js";
import { NetworkWorld } from "../../kit/network-world.js";
import { issueToken } from "../../kit/tokens.js";

const heartbeat = (senderId: string): object =>
  networkMessage(senderId, "system", { messageType: "HEARTBEAT", content: { timestamp: 7 } });

describe("a client of Agent Network logs in", () => {
  let at: NetworkWorld;
  beforeEach(async () => {
    at = await NetworkWorld.start({ limits: { wsLoginMs: 400 } });
  });
  afterEach(() => at.stop());

  it("by AUTH, and starts its heartbeats without waiting, as the document's client does", async () => {
    const wire = await at.stranger();
    wire.say({ type: "AUTH", token: await at.token("alice"), agentId: "alice" });
    wire.say(heartbeat("alice"));
    const connected = await wire.hears("CONNECTED");
    expect(connected).toMatchObject({
      conversationId: "system",
      senderId: "system",
      recipientId: "alice",
      content: { heartbeatInterval: 30_000, messagesPerSecond: 10, messageBurst: 50 },
    });
    expect(connected.content["connectionId"]).toMatch(/./);
    expect(Math.abs(Number(connected.content["serverTime"]) - Date.now())).toBeLessThan(5_000);
    expect(Object.keys(connected).sort()).toEqual(Object.keys(networkMessage("a", "b")).sort());
    expect((await wire.hears("HEARTBEAT")).content).toEqual({ timestamp: 7 });
  });

  it("and hears the rate that it has here, at a renewal, too", async () => {
    const other = await NetworkWorld.start({ limits: { networkRatePerSecond: 0, networkRateBurst: 7 } });
    try {
      const wire = await other.stranger();
      const login = { type: "AUTH", token: await other.token("alice"), agentId: "alice" };
      for (const time of ["login", "renewal"]) {
        wire.say(login);
        expect((await wire.hears("CONNECTED")).content, time).toMatchObject({ messagesPerSecond: 0, messageBurst: 7 });
      }
    } finally {
      await other.stop();
    }
  });

  it.each(["ws", "jwt"] as const)("by a header with a token of the kind %s, without a word", async (kind) => {
    const authorization = `Bearer ${await issueToken(at.at.dataDir, "alice", kind)}`;
    const wire = await at.stranger({ headers: { authorization } });
    expect((await wire.hears("CONNECTED")).recipientId).toBe("alice");
    wire.say(heartbeat("alice"));
    await wire.hears("HEARTBEAT");
  });

  it("by a JWT in AUTH, and with the subprotocol", async () => {
    const wire = at.keep(await NetworkWire.open(at.url, {}, ["agent-network.v1"]));
    expect(wire.socket.protocol).toBe("agent-network.v1");
    wire.say({ type: "AUTH", token: await issueToken(at.at.dataDir, "alice", "jwt"), agentId: "alice" });
    await wire.hears("CONNECTED");
  });

  it("at / by its first frame, and with the subprotocol there", async () => {
    const root = at.url.replace("/agent-network/v1/connect", "/");
    for (const protocols of [[], ["agent-network.v1"]]) {
      const wire = at.keep(await NetworkWire.open(root, {}, protocols));
      wire.say({ type: "AUTH", token: await at.token("alice"), agentId: "alice" });
      await wire.hears("CONNECTED");
    }
  });

  it("with both a header and AUTH for the same agent: the second renews", async () => {
    const token = await at.token("alice");
    const wire = await at.stranger({ headers: { authorization: `Bearer ${token}` } });
    wire.say({ type: "AUTH", token, agentId: "alice" });
    const [first, second] = [await wire.hears("CONNECTED"), await wire.hears("CONNECTED")];
    expect(second.content["connectionId"]).toBe(first.content["connectionId"]);
  });

  it.each<[string, (wire: NetworkWire) => Promise<void> | void]>([
    [
      "a wrong token",
      (wire) => {
        wire.say({ type: "AUTH", token: "wrong", agentId: "alice" });
      },
    ],
    [
      "a token of another agent",
      async (wire) => {
        wire.say({ type: "AUTH", token: await at.token("bob"), agentId: "alice" });
      },
    ],
    [
      "the shared token",
      (wire) => {
        wire.say({ type: "AUTH", token: panToken(at.at.dataDir), agentId: "alice" });
      },
    ],
    [
      "no token",
      (wire) => {
        wire.say({ type: "AUTH", agentId: "alice" });
      },
    ],
    [
      "no agent",
      async (wire) => {
        wire.say({ type: "AUTH", token: await at.token("alice") });
      },
    ],
    [
      "a reserved name",
      async (wire) => {
        wire.say({ type: "AUTH", token: await at.token("alice"), agentId: "system" });
      },
    ],
    [
      "an unsigned JWT",
      (wire) => {
        wire.say({ type: "AUTH", token: "eyJhbGciOiJub25lIn0.e30.", agentId: "alice" });
      },
    ],
    [
      "a heartbeat first",
      (wire) => {
        wire.say(heartbeat("alice"));
      },
    ],
    [
      "a message first",
      (wire) => {
        wire.say(networkMessage("alice", "bob"));
      },
    ],
    [
      "a question first",
      (wire) => {
        wire.say(networkMessage("alice", "system", { messageType: "QUERY" }));
      },
    ],
    [
      "another dialect's login first",
      (wire) => {
        wire.say({ type: "auth", token: "x", agentId: "alice" });
      },
    ],
    [
      "no JSON first",
      (wire) => {
        wire.raw("hello?");
      },
    ],
    [
      "bytes first",
      (wire) => {
        wire.socket.send(Buffer.from([1, 2, 3]));
      },
    ],
    ["silence", () => undefined],
  ])("but not with %s: AUTHENTICATION_FAILED, then 4401", async (_about, act) => {
    const wire = await at.stranger();
    await act(wire);
    const { recipientId, content } = await wire.hears("ERROR");
    expect(recipientId).toMatch(/./);
    const error = content as unknown as NetworkError;
    expect(error).toMatchObject({ errorCode: "AUTHENTICATION_FAILED", recoverable: false });
    expect(error.message.length).toBeGreaterThan(5);
    expect(await wire.closed).toMatchObject({ code: 4401 });
    expect(wire.heard).toEqual([]);
  });

  it("but not by a wrong header: the upgrade is accepted, then 4401", async () => {
    const wire = await at.stranger({ headers: { authorization: "Bearer wrong" } });
    expect(await wire.hearsError()).toMatchObject({ errorCode: "AUTHENTICATION_FAILED" });
    expect(await wire.closed).toMatchObject({ code: 4401 });
  });

  it("and the refusal of the shared token names the remedy", async () => {
    const wire = await at.stranger();
    wire.say({ type: "AUTH", token: panToken(at.at.dataDir), agentId: "alice" });
    expect((await wire.hearsError()).message).toContain("broker token alice --jwt");
  });
});

describe("a session of Agent Network", () => {
  let at: NetworkWorld;
  beforeEach(async () => {
    at = await NetworkWorld.start({ limits: { networkAgentsPerUserMax: 1 } });
  });
  afterEach(() => at.stop());

  it("renews its token without a gap, and is not ended with the one before", async () => {
    const old = await issueToken(at.at.dataDir, "alice", "jwt");
    const wire = at.keep(await NetworkWire.login(at.url, "alice", old));
    wire.say({ type: "AUTH", token: await issueToken(at.at.dataDir, "alice", "jwt"), agentId: "alice" });
    wire.say(heartbeat("alice"));
    await wire.hears("CONNECTED");
    await wire.hears("HEARTBEAT");
  });

  it.each<[string, () => Promise<{ token: string; agentId: string }>]>([
    ["another agent", async () => ({ token: await at.token("bob"), agentId: "bob" })],
    ["the same agent, with another's token", async () => ({ token: await at.token("bob"), agentId: "alice" })],
    ["the same agent, with a wrong token", () => Promise.resolve({ token: "wrong", agentId: "alice" })],
    [
      "the same agent, with the shared token",
      () => Promise.resolve({ token: panToken(at.at.dataDir), agentId: "alice" }),
    ],
  ])("is not given to %s by a second AUTH, and lives on", async (_about, login) => {
    const wire = await at.login("alice");
    wire.say({ type: "AUTH", ...(await login()) });
    expect(await wire.hearsError()).toMatchObject({ errorCode: "AUTHENTICATION_FAILED" });
    wire.say(heartbeat("alice"));
    expect((await wire.hears("HEARTBEAT")).recipientId).toBe("alice");
    expect(at.at.broker.status().agents).toBe(1);
  });

  it("is displaced by a newer one of the same agent, whatever the limit of its user: ERROR, then 4409", async () => {
    const older = await at.login("alice");
    const newer = await at.login("alice");
    expect(await older.hearsError()).toMatchObject({ errorCode: "AUTHENTICATION_FAILED", recoverable: false });
    expect(await older.closed).toMatchObject({ code: 4409 });
    newer.say(heartbeat("alice"));
    await newer.hears("HEARTBEAT");
  });

  it("says goodbye: DISCONNECT is acknowledged, then 1000", async () => {
    const wire = await at.login("alice");
    wire.say(networkMessage("alice", "system", { messageId: "bye", messageType: "DISCONNECT", content: {} }));
    expect((await wire.hears("ACK")).content).toEqual({ messageId: "bye" });
    expect(await wire.closed).toMatchObject({ code: 1000 });
  });

  it("is told that the broker stops: 1001", async () => {
    const wire = await at.login("alice");
    await at.at.broker.stop();
    expect(await wire.closed).toMatchObject({ code: 1001 });
  });
});

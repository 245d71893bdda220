import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { codes } from "../../bridges/agent-network/errors.js";
import { eventually } from "../kit/broker.js";
import type { DocumentClient } from "../kit/document-client.js";
import { DocumentWorld } from "../kit/document-world.js";
import type { NetworkError } from "../kit/network-wire.js";

const isFrom =
  (sender: string) =>
  ({ senderId }: { readonly senderId: string }): boolean =>
    senderId === sender;

describe("a client written from the document", () => {
  let world: DocumentWorld;
  beforeEach(async () => {
    world = await DocumentWorld.start();
  });
  afterEach(() => world.stop());

  it("lives a whole life here: login, handshake, sealed words, errors, renewal, farewell", async () => {
    expect(world.url).toMatch(/^wss:\/\/.*\/agent-network\/v1\/connect$/);
    const alice = await world.open("agent_alice", { by: "header" });
    const connected = await alice.hears("CONNECTED");
    expect(connected).toMatchObject({ senderId: "system", recipientId: "agent_alice" });
    const { connectionId, heartbeatInterval } = connected.content;
    expect(connectionId).toMatch(/./);
    expect(heartbeatInterval).toBe(30_000);
    await alice.hears("HEARTBEAT");

    // Bob is not here yet: Alice keeps what she has to say until she is told that he has come.
    alice.sendHandshake("agent_bob", true);
    expect(await alice.hearsError()).toMatchObject({ errorCode: "RECIPIENT_NOT_FOUND", recoverable: true });
    const bob = await world.login("agent_bob", { by: "AUTH" });
    expect((await alice.hears("PRESENCE")).content).toEqual({ agentId: "agent_bob", status: "online" });

    alice.sendHandshake("agent_bob", true);
    await bob.hears("HANDSHAKE");
    await alice.hears("HANDSHAKE");
    const said: readonly (readonly [DocumentClient, DocumentClient, string, object])[] = [
      [alice, bob, "QUERY", { requestId: "req_1", queryType: "AVAILABILITY", parameters: { timeZone: "Europe/Oslo" } }],
      [bob, alice, "RESPONSE", { requestId: "req_1", data: { availableTimes: ["2030-06-01T14:00:00Z"] }, error: null }],
      [alice, bob, "PROPOSAL", { proposalId: "prop_1", details: { title: "Coffee", status: "PENDING" } }],
      [bob, alice, "REJECTION", { proposalId: "prop_1", reason: "TIME_UNSUITABLE", details: "too early" }],
      [alice, bob, "PROPOSAL", { proposalId: "prop_2", details: { title: "Coffee, later", status: "MODIFIED" } }],
      [bob, alice, "CONFIRMATION", { proposalId: "prop_2", status: "ACCEPTED", calendarEventId: "evt_1" }],
    ];
    for (const [from, to, type, data] of said) {
      from.sendEncrypted(to.agentId, type, data);
      expect(await to.opened.next()).toEqual({ senderId: from.agentId, messageType: type, data });
    }
    await eventually(() => bob.pendingMessages.size === 0, "all that Bob has said is acknowledged");

    alice.send("agent_bob", "INFORM", { text: "as somebody else" }, { senderId: "agent_bob" });
    expect(await alice.hearsError()).toMatchObject({ errorCode: "SENDER_MISMATCH" });
    alice.socket.send('{"messageType":"QUERY"}');
    expect(await alice.hearsError()).toMatchObject({ errorCode: "INVALID_MESSAGE_FORMAT" });
    const { messageId } = alice.send("agent_nobody", "INFORM", { text: "anybody?" });
    expect((await alice.hearsError()).details).toMatchObject({ originalMessageId: messageId });

    alice.authenticate(await world.token("user of agent_alice"));
    expect((await alice.hears("CONNECTED")).content).toMatchObject({ connectionId });
    alice.sendEncrypted("agent_bob", "QUERY", { requestId: "req_2" });
    expect(await bob.opened.next()).toMatchObject({ data: { requestId: "req_2" } });

    const farewell = alice.disconnect();
    await alice.hears(
      ({ messageType, content }) => messageType === "ACK" && content["messageId"] === farewell.messageId,
    );
    expect(await alice.closed).toMatchObject({ code: 1000 });
    bob.sendEncrypted("agent_alice", "QUERY", { requestId: "req_3" });
    expect(await bob.hearsError()).toMatchObject({ errorCode: "RECIPIENT_NOT_FOUND" });
    expect([...alice.problems, ...bob.problems]).toEqual([]);
  });

  it("may speak for no agent that belongs to another user", async () => {
    await world.login("agent_alice", { uid: "ada" });
    const eve = await world.open("agent_alice", { uid: "eve" });
    expect(await eve.hearsError()).toMatchObject({ errorCode: "AUTHENTICATION_FAILED", recoverable: false });
    expect(await eve.closed).toMatchObject({ code: 4401 });
    const mallory = await world.open("agent_alice", {
      uid: "ada",
      token: await world.token("ada", { aud: "another" }),
    });
    expect(await mallory.hearsError()).toMatchObject({ errorCode: "AUTHENTICATION_FAILED" });
  });

  it("hears whom it missed and says then, in its order, what it has kept for them", async () => {
    const alice = await world.login("agent_alice");
    const kept = [1, 2, 3].map((n) => alice.send("agent_bob", "INFORM", { n }));
    for (const { messageId } of kept)
      expect((await alice.hearsError()).details).toMatchObject({ originalMessageId: messageId });
    expect(alice.pendingMessages.size).toBe(3);
    const bob = await world.login("agent_bob");
    await alice.hears("PRESENCE");
    for (const frame of alice.pendingMessages.values()) alice.socket.send(JSON.stringify(frame));
    for (const frame of kept) expect(await bob.hears("INFORM")).toEqual(frame);
    await eventually(() => alice.pendingMessages.size === 0, "all of it is acknowledged");
  });

  it("is heard in its order, whatever the priority", async () => {
    const [alice, bob] = [await world.login("agent_alice"), await world.login("agent_bob")];
    const priorities = ["LOW", "HIGH", "NORMAL", "HIGH", "LOW", "HIGH"];
    const said = priorities.map((priority) => alice.send("agent_bob", "INFORM", {}, { metadata: { priority } }));
    for (const frame of said) expect(await bob.hears("INFORM")).toEqual(frame);
  });

  it("can ask who is here, and leaves nothing behind when its line breaks", async () => {
    const [alice, bob] = [await world.login("agent_alice"), await world.login("agent_bob")];
    expect(JSON.stringify(await alice.asks("agents.list"))).toContain('"agent_bob"');
    bob.close();
    await eventually(() => world.at.broker.status().agents === 1, "Bob is gone");
    expect(JSON.stringify(await alice.asks("agents.list"))).not.toContain('"agent_bob"');
    alice.send("agent_bob", "INFORM", { text: "still there?" });
    expect(await alice.hearsError()).toMatchObject({ errorCode: "RECIPIENT_NOT_FOUND" });
    alice.close();
    await eventually(() => world.at.broker.status().agents === 0, "Alice is gone");
  });

  it("is never answered compressed, though it offers that", async () => {
    const socket = new WebSocket(world.url, { ...world.options, perMessageDeflate: true });
    world.keep({
      close: () => {
        socket.terminate();
      },
    });
    await once(socket, "open");
    expect(socket.extensions).toBe("");
  });
});

describe("the broker tells a client of the document", () => {
  let world: DocumentWorld;
  const limits = {
    networkAgentsPerUserMax: 2,
    networkRateBurst: 5,
    networkRatePerSecond: 1,
    networkHeartbeatMs: 7_000,
  };
  beforeEach(async () => {
    world = await DocumentWorld.start({ limits });
  });
  afterEach(() => world.stop());

  type Provoked = Promise<DocumentClient>;
  const saying = async (recipientId: string, more: object = {}): Provoked => {
    const alice = await world.login("agent_alice");
    alice.send(recipientId, "QUERY", { requestId: "r", queryType: "CUSTOM", parameters: { text: "?" } }, more);
    return alice;
  };

  it.each<[code: string, retryAfter: number | undefined, provoke: () => Provoked]>([
    ["AUTHENTICATION_FAILED", undefined, () => world.open("agent_alice", { token: "a.b.c" })],
    ["SERVER_ERROR", 1, async () => world.open("agent_alice", { token: await world.tokenOfAway() })],
    [
      "CONNECTION_LIMIT_EXCEEDED",
      30_000,
      async () => {
        for (const agent of ["one", "two"]) await world.login(agent, { uid: "ada" });
        return world.open("three", { uid: "ada" });
      },
    ],
    [
      "RATE_LIMIT_EXCEEDED",
      1,
      async () => {
        const alice = await world.login("agent_alice");
        for (let n = 0; n < 30; n += 1) alice.send("agent_alice", "INFORM", { n });
        return alice;
      },
    ],
    ["RECIPIENT_NOT_FOUND", 5_000, () => saying("agent_nobody")],
    ["SENDER_MISMATCH", undefined, () => saying("agent_alice", { senderId: "agent_bob" })],
    ["INVALID_MESSAGE_FORMAT", undefined, () => saying("agent_alice", { timestamp: "now" })],
    [
      "ENCRYPTION_ERROR",
      undefined,
      async () => {
        await world.pan("trader");
        return saying("trader", { metadata: { encrypted: true } });
      },
    ],
    [
      "TIMEOUT_ERROR",
      5_000,
      async () => {
        await world.pan("trader");
        return saying("trader", { metadata: { waitMs: 50 } });
      },
    ],
    [
      "MESSAGE_ERROR",
      undefined,
      async () => {
        const host = await world.login("agent_host");
        expect(await host.asks("room.create", { room: "#closed", invite_only: true })).toMatchObject({ error: null });
        return saying("#closed");
      },
    ],
  ])("%s in the document's format", async (errorCode, retryAfter, provoke) => {
    const client = await provoke();
    const error = await client.hears("ERROR");
    expect(error).toMatchObject({
      senderId: "system",
      recipientId: client.agentId,
      metadata: { priority: "HIGH", encrypted: false, requiresResponse: false },
    });
    expect(error.messageId).toMatch(/./);
    expect(Math.abs(error.timestamp - Date.now())).toBeLessThan(60_000);
    const content = error.content as unknown as NetworkError;
    expect(content).toMatchObject({ errorCode, recoverable: retryAfter !== undefined });
    expect(content.message.length).toBeGreaterThan(10);
    expect(content.details["reason"]).toMatch(/./);
    const ofLogin = ["AUTHENTICATION_FAILED", "SERVER_ERROR", "CONNECTION_LIMIT_EXCEEDED"].includes(errorCode);
    if (!ofLogin) expect(content.details["originalMessageId"]).toMatch(/^agent_alice-\d+$/);
    if (retryAfter === undefined) expect(content).not.toHaveProperty("retryAfter");
    else expect(content.retryAfter).toBeGreaterThanOrEqual(retryAfter);
    if (ofLogin) expect((await client.closed).code).toBe(retryAfter === undefined ? 4401 : 1013);
    else await client.asks("ping");
  });

  it("neither CONNECTION_ERROR nor AUTHENTICATION_ERROR, which are what a client calls a broken line", () => {
    const said = Object.values(codes).map(({ errorCode }) => errorCode);
    expect(said).not.toContain("CONNECTION_ERROR");
    expect(said).not.toContain("AUTHENTICATION_ERROR");
  });

  it("the interval of heartbeats that its operator has set", async () => {
    const alice = await world.open("agent_alice");
    expect((await alice.hears("CONNECTED")).content).toMatchObject({ heartbeatInterval: 7_000 });
    await alice.hears("HEARTBEAT");
    alice.heartbeat(17);
    expect((await alice.hears("HEARTBEAT")).content).toEqual({ timestamp: 17 });
  });

  it("by a code and a reason why it ends the connection", async () => {
    const second = Math.floor(Date.now() / 1_000);
    // Clocks may be 30 s apart: for the broker this one ends four or five seconds from now.
    const ending = await world.token("ada", { iat: second - 60, auth_time: second - 60, exp: second - 25 });
    const [ada, eve, bob] = [
      await world.login("agent_ada", { token: ending }),
      await world.login("agent_eve"),
      await world.login("agent_bob"),
    ];
    for (let n = 0; n < 1_000; n += 1) eve.socket.send("no message");
    expect(await eve.closed).toEqual({ code: 4429, reason: expect.stringMatching(/.{10}/) as string });
    const again = await world.login("agent_bob");
    expect(await bob.closed).toEqual({ code: 4409, reason: expect.stringMatching(/.{10}/) as string });
    expect(await ada.hears(isFrom("system"))).toBeDefined();
    expect(await ada.closed).toEqual({ code: 4401, reason: expect.stringMatching(/.{10}/) as string });
    await world.at.broker.stop();
    expect(await again.closed).toEqual({ code: 1001, reason: expect.stringMatching(/.{10}/) as string });
  });
});

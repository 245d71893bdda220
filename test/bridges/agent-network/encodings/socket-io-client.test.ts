import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { contentOf, messageFrom, NetworkWorld, type SocketClient, type Told } from "../../../kit/network-clients.js";

const fields = (value: unknown): Told => value as Told;

/** What `connect_error` tells. */
interface ConnectError extends Error {
  readonly data?: Told;
  readonly context?: { readonly responseText?: string };
}

describe("a client of the document's server example", () => {
  let world: NetworkWorld;
  let bob: SocketClient;
  beforeAll(async () => {
    world = await NetworkWorld.start();
    bob = await world.socketIo("bob");
  });
  afterAll(() => world.stop());

  it("connects by auth {token, agentId}; its socket's id is the connection's", async () => {
    const client = world.io({ token: await world.token("ida"), agentId: "ida" });
    await client.hears("connect");
    expect(client.socket.id).toMatch(/^\S{8,}$/);
    expect(client.socket.io.engine.transport.name).toBe("websocket");
    client.socket.disconnect();
    expect(await client.hears("disconnect")).toBe("io client disconnect");
  });

  it("may bring its token in the header of the upgrade", async () => {
    const extraHeaders = { authorization: `Bearer ${await world.token("hal")}` };
    const client = world.io({ agentId: "hal" }, { extraHeaders });
    await client.hears("connect");
    const other = world.io({ agentId: "bob" }, { extraHeaders });
    expect(fields(await other.hears("connect_error"))["message"]).toBe("Invalid agent ID for user");
  });

  it.each([
    ["no token", {}, "Authentication token required"],
    ["an empty token", { token: "", agentId: "ann" }, "Authentication token required"],
    ["a token that is none", { token: "x".repeat(43), agentId: "ann" }, "Authentication failed"],
    ["a token of 10,000 characters", { token: "x".repeat(10_000), agentId: "ann" }, "Authentication failed"],
    ["a token that is a number", { token: 1, agentId: "ann" }, "Authentication failed"],
    ["another agent's token", { token: "bob's", agentId: "ann" }, "Invalid agent ID for user"],
    ["no agent", { token: "bob's" }, "Invalid agent ID for user"],
    ["an agent that is a number", { token: "bob's", agentId: 7 }, "Invalid agent ID for user"],
    ["an agent that cannot be", { token: "bob's", agentId: "#room" }, "Invalid agent ID for user"],
  ])("is refused in the example's words: %s", async (_about, auth, words) => {
    const token = "token" in auth && auth.token === "bob's" ? { token: await world.token("bob") } : {};
    const client = world.io({ ...auth, ...token });
    const error = (await client.hears("connect_error")) as ConnectError;
    expect(error.message).toBe(words);
    expect(error.data).toMatchObject({ errorCode: "AUTHENTICATION_FAILED", recoverable: false });
    // It is not to try the same again.
    expect(client.socket.active).toBe(false);
  });

  it("reads no token in the address", async () => {
    const client = world.io({ agentId: "quin" }, { query: { token: await world.token("quin"), auth: "x" } });
    expect(fields(await client.hears("connect_error"))["message"]).toBe("Authentication token required");
  });

  it("that polls, as its library does unless it is told, is told which option it needs", async () => {
    const client = world.io({}, { transports: ["polling"], reconnection: false });
    // The library forgets what it was answered when its listeners have heard of it.
    const answered = await new Promise((resolve) => {
      client.socket.on("connect_error", (error: ConnectError) => {
        resolve(error.context?.responseText);
      });
    });
    expect(answered).toContain('transports: ["websocket"]');
    const answer = await fetch(`${world.url.replace("ws:", "http:")}/socket.io/?EIO=4&transport=polling`);
    expect(answer.status).toBe(426);
    expect(await answer.text()).toMatch(/^Socket\.IO is spoken over WebSocket only/);
  });

  it("knows one namespace", async () => {
    const client = world.io({ token: await world.token("nam"), agentId: "nam" }, {}, "/admin");
    expect(fields(await client.hears("connect_error"))["message"]).toBe("Invalid namespace");
    const main = await world.socketIo("nam");
    const second = main.socket.io.socket("/second");
    const refused = await new Promise<Error>((resolve) => {
      second.on("connect_error", resolve);
      second.connect();
    });
    expect(refused.message).toBe("Invalid namespace");
    main.socket.emit("message", JSON.stringify(messageFrom("nam", "bob", { messageId: "still here" })));
    expect(await main.hears("ack")).toEqual({ messageId: "still here" });
    await bob.hears("message");
  });

  it("says a message as text or as an object; text is heard byte for byte", async () => {
    const ada = await world.socketIo("ada");
    const text = JSON.stringify(messageFrom("ada", "bob", { messageId: "1", content: { a: "é😀\n" } }), null, 2);
    ada.socket.emit("message", text);
    expect(await ada.hears("ack")).toEqual({ messageId: "1" });
    expect(await bob.hears("message")).toBe(text);
    const told = messageFrom("ada", "bob", { messageId: "2", content: { 2: 1, 1: [1.5] } });
    ada.socket.emit("message", told);
    expect(await ada.hears("ack")).toEqual({ messageId: "2" });
    expect(JSON.parse(String(await bob.hears("message")))).toEqual(told);
  });

  it("hears its errors in the example's form", async () => {
    const eve = await world.socketIo("eve");
    const error = async (said: string): Promise<Told> => {
      eve.socket.emit("message", said);
      return fields(await eve.hears("error"));
    };
    expect(await error("{}")).toMatchObject({ errorCode: "INVALID_MESSAGE_FORMAT", recoverable: false });
    expect(await error("no JSON")).toMatchObject({ errorCode: "INVALID_MESSAGE_FORMAT" });
    expect(await error(JSON.stringify(messageFrom("bob", "eve")))).toMatchObject({
      errorCode: "SENDER_MISMATCH",
      message: expect.stringContaining("senderId") as string,
    });
    const content = { text: "are you there?", n: 1.5 };
    const lost = messageFrom("eve", "nobody here", { messageType: "INFORM", content });
    expect(await error(JSON.stringify(lost))).toMatchObject({
      errorCode: "RECIPIENT_NOT_FOUND",
      originalMessage: lost,
      details: { originalMessageId: "m1" },
      recoverable: true,
    });
    // What would break the packet is left out; the refusal is told all the same.
    const broken = JSON.stringify({ ...lost, messageType: "ENCRYPTED" }).replace("are you", "are \\x you");
    const told = await error(broken);
    expect(told).toMatchObject({ errorCode: "RECIPIENT_NOT_FOUND" });
    expect(told).not.toHaveProperty("originalMessage");
  });

  it("is told by retryAfter when it may go on", async () => {
    const hasty = await world.socketIo("hasty");
    for (let at = 0; at < 55; at += 1)
      hasty.socket.emit("message", JSON.stringify(messageFrom("hasty", "bob", { messageId: String(at) })));
    const error = fields(await hasty.hears("error"));
    expect(error).toMatchObject({ errorCode: "RATE_LIMIT_EXCEEDED", recoverable: true });
    expect(error["retryAfter"]).toBeGreaterThan(0);
    expect(error["retryAfter"]).toBeLessThanOrEqual(1_000);
  });

  it("hears heartbeats that it asks for, by event and by message", async () => {
    const ada = await world.socketIo("ada");
    const before = Date.now();
    ada.socket.emit("heartbeat");
    expect(fields(await ada.hears("heartbeat"))["timestamp"]).toBeGreaterThanOrEqual(before - 1);
    ada.socket.emit("heartbeat", { anything: 1 });
    await ada.hears("heartbeat");
    ada.socket.emit("message", {
      ...messageFrom("ada", "system"),
      messageType: "HEARTBEAT",
      content: { timestamp: 7 },
    });
    expect(await ada.hears("heartbeat")).toEqual({ timestamp: 7 });
  });

  it("that gives a callback hears the answer there, and not as an event", async () => {
    const cal = await world.socketIo("cal");
    const asks = (name: string, ...said: readonly unknown[]): Promise<unknown> =>
      cal.socket.timeout(20_000).emitWithAck(name, ...said);
    const text = (recipientId: string, more: Told = {}): string =>
      JSON.stringify(messageFrom("cal", recipientId, more));
    expect(await asks("message", text("bob", { messageId: "x" }))).toEqual({ messageId: "x" });
    expect(await asks("message", text("nobody here"))).toMatchObject({
      errorCode: "RECIPIENT_NOT_FOUND",
      originalMessage: { recipientId: "nobody here" },
    });
    expect(await asks("message", "{}")).toMatchObject({ errorCode: "INVALID_MESSAGE_FORMAT" });
    expect(await asks("message")).toMatchObject({ message: expect.stringContaining("carries nothing") as string });
    expect(await asks("message", "{}", "{}")).toMatchObject({
      message: expect.stringContaining("one message") as string,
    });
    expect(await asks("other", "{}")).toMatchObject({ message: expect.stringContaining("not other") as string });
    expect(await asks("heartbeat")).toEqual({ timestamp: expect.any(Number) as number });
    const query = { content: { requestId: "q", queryType: "ping" } };
    const answer = JSON.parse(String(await asks("message", text("system", query)))) as Told;
    expect(contentOf(answer)).toMatchObject({ requestId: "q", error: null });
    const refused = JSON.parse(
      String(await asks("message", text("system", { content: { requestId: "q", queryType: "no such kind" } }))),
    ) as Told;
    expect(contentOf(refused)).toMatchObject({ requestId: "q", error: { code: "INVALID_PARAMETERS" } });
    expect(cal.events.all.map(({ name }) => name)).toEqual(["connect"]);
  });

  it("asks the broker, is in rooms, and hears other dialects", async () => {
    const ada = await world.socketIo("ada");
    const tells = async (): Promise<Told> => JSON.parse(String(await ada.hears("message"))) as Told;
    ada.socket.emit("message", {
      ...messageFrom("ada", "system"),
      content: { requestId: "q", queryType: "ROOM_JOIN", parameters: { room: "#tea" } },
    });
    expect(await tells()).toMatchObject({
      senderId: "system",
      messageType: "RESPONSE",
      content: { requestId: "q", error: null, data: { room: "#tea" } },
    });
    const jon = await world.json("jon");
    jon.says(JSON.stringify({ ...messageFrom("jon", "#tea"), messageType: "INFORM", content: { text: "tea" } }));
    expect(await tells()).toMatchObject({ senderId: "jon", recipientId: "#tea", content: { text: "tea" } });
  });

  it("is told when somebody comes whom it has missed", async () => {
    const ada = await world.socketIo("ada");
    ada.socket.emit("message", JSON.stringify(messageFrom("ada", "late")));
    await ada.hears("error");
    await world.socketIo("late");
    expect(JSON.parse(String(await ada.hears("message")))).toMatchObject({
      messageType: "PRESENCE",
      content: { agentId: "late", status: "online" },
    });
  });

  it("renews its token by AUTH as a message", async () => {
    const ada = await world.socketIo("ada");
    const auth = { type: "AUTH", token: await world.token("ada"), agentId: "ada" };
    ada.socket.emit("message", JSON.stringify(auth));
    expect(JSON.parse(String(await ada.hears("message")))).toMatchObject({
      messageType: "CONNECTED",
      content: { connectionId: ada.socket.id },
    });
    const answer = JSON.parse(String(await ada.socket.timeout(20_000).emitWithAck("message", auth))) as Told;
    expect(answer["messageType"]).toBe("CONNECTED");
    ada.socket.emit("message", { ...auth, token: await world.token("bob"), agentId: "bob" });
    expect(await ada.hears("error")).toMatchObject({ errorCode: "AUTHENTICATION_FAILED" });
  });

  it("refuses bytes, clearly", async () => {
    const ada = await world.socketIo("ada");
    ada.socket.emit("message", Buffer.from("bytes"));
    expect(await ada.hears("error")).toMatchObject({ message: expect.stringContaining("binary") as string });
    ada.socket.emit("message", JSON.stringify(messageFrom("ada", "bob", { messageId: "after bytes" })));
    expect(await ada.hears("ack")).toEqual({ messageId: "after bytes" });
  });
});

describe("how a client of Socket.IO comes back", () => {
  let world: NetworkWorld;
  beforeAll(async () => {
    world = await NetworkWorld.start();
  });
  afterAll(() => world.stop());

  it("by itself when its line is cut, and with the token that it has then", async () => {
    let asked = 0;
    const token = await world.token("ada");
    const client = world.io((give: (auth: object) => void) => {
      asked += 1;
      give({ token, agentId: "ada" });
    });
    await client.hears("connect");
    const first = client.socket.id;
    client.socket.io.engine.close();
    await client.hears("connect");
    expect(client.socket.id).not.toBe(first);
    expect(asked).toBe(2);
  });

  it("not when a newer session of its agent has taken its place", async () => {
    const first = await world.socketIo("bob");
    await world.socketIo("bob");
    expect(await first.hears("error")).toMatchObject({ errorCode: "AUTHENTICATION_FAILED" });
    expect(await first.hears("disconnect")).toBe("io server disconnect");
    expect(first.socket.active).toBe(false);
  });

  it("not when it has said goodbye", async () => {
    const client = await world.socketIo("cyd");
    client.socket.emit("message", { ...messageFrom("cyd", "system"), messageType: "DISCONNECT", content: {} });
    expect(await client.hears("ack")).toEqual({ messageId: "m1" });
    expect(await client.hears("disconnect")).toBe("io server disconnect");
  });

  it("when the broker stops", async () => {
    const own = await NetworkWorld.start();
    const client = await own.socketIo("dan");
    await own.test.broker.stop();
    expect(await client.hears("disconnect")).toBe("transport close");
    expect(client.socket.active).toBe(true);
    await own.stop();
  });
});

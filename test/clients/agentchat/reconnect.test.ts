// Against a fake server (client-fake-server.ts) that says only what each test has it say.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentChatSocket } from "../../../clients/typescript/agentchat/socket.js";
import { AgentChatClient, type AgentChatError } from "../../../clients/typescript/agentchat/client.js";
import { FakeServer, told, type Peer } from "./fake-server.js";

describe("an AgentChat client that loses its line", () => {
  let fake: FakeServer;
  let client: AgentChatClient;
  let peer: Peer;
  beforeEach(async () => {
    fake = await FakeServer.start();
    client = new AgentChatClient({ server: fake.url, name: "ada" });
    [peer] = await Promise.all([fake.welcome("@first"), client.connect()]);
  });
  afterEach(async () => {
    await client.disconnect();
    await fake.stop();
  });
  async function joined(channel: string, on = peer): Promise<void> {
    const joining = client.join(channel);
    await on.hears("JOIN");
    on.says({ type: "JOINED", channel, agents: [] });
    await joining;
  }

  it("comes back at once, into the channels it did not leave, without their past", async () => {
    await joined("#one");
    await joined("#two");
    await joined("#three");
    const leaving = client.leave("#two");
    await peer.hears("LEAVE");
    peer.says({ type: "LEFT", channel: "#two", agent: "@first" });
    await leaving;

    const [lost, coming, back] = [told(client, "close"), told(client, "reconnecting"), told(client, "open")];
    peer.socket.close(1001, "stopping");
    expect(await lost).toEqual({ code: 1001, reason: "stopping" });
    expect(await coming).toMatchObject({ inMs: 0, reason: expect.stringContaining("1001 stopping") as string });
    const again = await fake.welcome("@second");
    expect(await again.hears("JOIN")).toEqual({ type: "JOIN", channel: "#one" });
    again.says({ type: "JOINED", channel: "#one", agents: [] });
    expect(await again.hears("JOIN")).toEqual({ type: "JOIN", channel: "#three" });
    again.says({ type: "JOINED", channel: "#three", agents: [] });
    await back;
    expect(client.agentId).toBe("@second");
    await client.send("#one", "back");
    expect(await again.hears("MSG")).toMatchObject({ to: "#one", content: "back" });
  });

  it("waits as the server says when it joins too fast, and tells of channels that are gone", async () => {
    await joined("#one");
    await joined("#gone");
    await joined("#three");
    const errors: AgentChatError[] = [];
    client.on("error", (error) => errors.push(error));
    const back = told(client, "open");
    peer.socket.terminate();
    const again = await fake.welcome();
    await again.hears("JOIN");
    again.says({ type: "ERROR", code: "RATE_LIMITED", message: "slow", ref: "JOIN", retry_after: 1 });
    expect(await again.hears("JOIN")).toMatchObject({ channel: "#one" });
    again.says({ type: "JOINED", channel: "#one", agents: [] });
    expect(await again.hears("JOIN")).toMatchObject({ channel: "#gone" });
    again.says({ type: "ERROR", code: "CHANNEL_NOT_FOUND", message: "no such channel", ref: "JOIN" });
    expect(await again.hears("JOIN")).toMatchObject({ channel: "#three" });
    again.says({ type: "JOINED", channel: "#three", agents: [] });
    await back;
    expect(errors).toMatchObject([{ code: "CHANNEL_NOT_FOUND", channel: "#gone", call: "JOIN", ref: "JOIN" }]);
  });

  it("stays in a channel until the server says that it has left", async () => {
    for (const channel of ["#kept", "#left", "#unknown"]) await joined(channel);
    const leaving = Promise.allSettled([client.leave("#kept"), client.leave("#left"), client.leave("#unknown")]);
    for (let count = 0; count < 3; count += 1) await peer.hears("LEAVE");
    peer.says(
      { type: "ERROR", code: "RATE_LIMITED", message: "slow", ref: "LEAVE" },
      { type: "LEFT", channel: "#left", agent: "@first" },
    );
    peer.says({ type: "ERROR", code: "INVALID_MSG", message: "LEAVE: you are not in #unknown", ref: "LEAVE" });
    expect((await leaving).map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected"]);
    const back = told(client, "open");
    peer.socket.terminate();
    const again = await fake.welcome();
    expect(await again.hears("JOIN")).toMatchObject({ channel: "#kept" });
    again.says({ type: "JOINED", channel: "#kept", agents: [] });
    await back;
    const pinging = client.ping();
    await again.hears("PING"); // and no other JOIN
    again.says({ type: "PONG" });
    await pinging;
  });

  it("is not in a channel that it joined and left in one breath", async () => {
    const both = Promise.all([client.join("#one"), client.leave("#one")]);
    await peer.hears("JOIN");
    await peer.hears("LEAVE");
    peer.says(
      { type: "JOINED", channel: "#one", agents: ["@first"] },
      { type: "LEFT", channel: "#one", agent: "@first" },
    );
    await both;
    const back = told(client, "open");
    peer.socket.terminate();
    const again = await fake.welcome();
    await Promise.race([back, again.hears("JOIN").then(() => Promise.reject(new Error("it joined again")))]);
  });

  it("has left, though the answer came too late", async () => {
    await client.disconnect();
    client = new AgentChatClient({ server: fake.url, name: "ada", answerTimeoutMs: 500 });
    [peer] = await Promise.all([fake.welcome("@first"), client.connect()]);
    await joined("#one");
    await expect(client.leave("#one")).rejects.toMatchObject({ code: "TIMEOUT" });
    await peer.hears("LEAVE");
    const left = told(client, "left");
    peer.says({ type: "LEFT", channel: "#one", agent: "@first" });
    await left;
    const back = told(client, "open");
    peer.socket.terminate();
    const again = await fake.welcome("@second");
    await back;
    await client.send("#two", "first");
    await again.hears("MSG"); // and no JOIN
  });

  it("tries again after a server that is away, with a pause", async () => {
    const waits: number[] = [];
    client.on("reconnecting", ({ inMs }) => waits.push(inMs));
    const { port } = fake;
    const second = new Promise<void>((resolve) => {
      client.on("reconnecting", () => {
        if (waits.length === 2) resolve();
      });
    });
    await fake.stop();
    await second;
    expect(waits[0]).toBe(0);
    expect(waits[1]).toBeGreaterThanOrEqual(800);
    const back = told(client, "open");
    fake = await FakeServer.start({ port });
    await fake.welcome("@later");
    await back;
    expect(client.agentId).toBe("@later");
  });

  it("stays away once displaced", async () => {
    client.on("reconnecting", () => {
      throw new Error("it came back");
    });
    const [error, lost] = [told(client, "error"), told(client, "close")];
    peer.says({ type: "ERROR", code: "SESSION_DISPLACED", message: "another session" });
    peer.socket.close(4409, "displaced");
    expect(await error).toMatchObject({ code: "SESSION_DISPLACED" });
    expect(await lost).toEqual({ code: 4409, reason: "displaced" });
    await expect(client.send("#one", "x")).rejects.toMatchObject({ code: "CLOSED" });
    // Idle now: it may be connected by hand.
    await Promise.all([fake.welcome("@third"), client.connect()]);
    expect(client.agentId).toBe("@third");
  });

  it.each([
    [
      "displaced",
      4409,
      (again: Peer) => {
        again.socket.close(4409);
      },
    ],
    [
      "refused for good",
      1008,
      (again: Peer) => {
        again.says({ type: "ERROR", code: "INVALID_NAME", message: "no", ref: "IDENTIFY" });
      },
    ],
  ])("gives up when it is %s while it comes back", async (_what, code, answer) => {
    peer.socket.terminate();
    await told(client, "close");
    const [error, lost] = [told(client, "error"), told(client, "close")];
    const again = await fake.next();
    await again.hears("IDENTIFY");
    answer(again);
    expect(await error).toMatchObject({ code: code === 4409 ? "SESSION_DISPLACED" : "INVALID_NAME" });
    expect(await lost).toMatchObject({ code });
    await Promise.all([fake.welcome(), client.connect()]);
  });

  it("does not come back after disconnect, nor while it was coming back", async () => {
    client.on("reconnecting", () => {
      void client.disconnect();
    });
    peer.socket.terminate();
    await told(client, "reconnecting");
    client.removeAllListeners("reconnecting");
    // The next connection is the one made by hand: nothing else was under way.
    await Promise.all([fake.welcome("@byhand"), client.connect()]);
    expect(client.agentId).toBe("@byhand");
    const lost = told(client, "close");
    await client.disconnect();
    expect(await lost).toMatchObject({ code: 1000 });
    await client.disconnect();
  });

  it("can be called off while it connects", async () => {
    const other = new AgentChatClient({ server: fake.url, name: "eve" });
    const connecting = other.connect();
    await (await fake.next()).hears("IDENTIFY");
    await Promise.all([expect(connecting).rejects.toMatchObject({ code: "CLOSED" }), other.disconnect()]);
    const early = new AgentChatClient({ server: fake.url, name: "eve" });
    const refused = expect(early.connect()).rejects.toMatchObject({ code: "CLOSED" });
    await early.disconnect();
    await refused;
  });

  it("gives up a connection that is silent", async () => {
    await fake.stop();
    fake = await FakeServer.start({ autoPong: false });
    const closed = new Promise<number>((resolve) => {
      void AgentChatSocket.open(
        fake.url,
        { onText: () => undefined, onClose: resolve },
        { signal: new AbortController().signal, silentMs: 10 },
      );
    });
    expect(await closed).toBe(1006);
  });
});
